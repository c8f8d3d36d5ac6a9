/** Loaded before a worker's program: SIGWINCH takes it into an endless loop, as a fault in its code might. */
process.on('SIGWINCH', () => {
  for (;;);
});
