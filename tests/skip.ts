/** Options of a test that cannot run here: it is skipped, and the reason printed, which neither runner does. */
export function unless(reason: string | false | undefined): { readonly skip?: string } {
  if (!reason) return {};
  console.log(`skipped, as ${reason}`);
  return { skip: reason };
}
