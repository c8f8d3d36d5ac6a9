/**
 * Every case of the suite.
 */
import type { Case } from './case.ts';
import { httpCases } from './cases/http.ts';

export const CASES: readonly Case[] = [...httpCases];
