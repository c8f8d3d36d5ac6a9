export async function profileWire(..._args: unknown[]): Promise<void> { throw new Error('x'); }
