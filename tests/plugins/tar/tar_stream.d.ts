/** What of tar-stream is used. */
declare const tar: {
  extract():
    & AsyncIterable<
      AsyncIterable<Uint8Array> & {
        readonly header: { readonly name: string; readonly type: string };
      }
    >
    & { end(archive: Uint8Array): void };
  pack(): AsyncIterable<Uint8Array> & {
    entry(header: { readonly name: string }, body: Uint8Array): void;
    finalize(): void;
  };
};
export default tar;
