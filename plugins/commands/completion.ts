import { defineBody, usageError } from "../../core/basics.ts";
import { candidates } from "./candidates.ts";

/** The scripts ask the program itself, so they know what it knows. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  bash: [
    "_stowage() {",
    "  local IFS=$'\\n' words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")",
    "  local line=${COMP_LINE:0:COMP_POINT} current=${words[-1]}",
    "  # bash cuts words at colons; put the one at the cursor together again",
    "  local whole=${line##* }",
    '  COMPREPLY=($(stowage completion words -- "${words[@]:0:${#words[@]}-1}" "$whole" 2>/dev/null))',
    '  local cut=${whole%"$current"}',
    '  [ -z "$cut" ] || COMPREPLY=("${COMPREPLY[@]#"$cut"}")',
    "}",
    "complete -o default -o nospace -F _stowage stowage",
  ],
  zsh: [
    "#compdef stowage",
    "_stowage() {",
    "  local -a found",
    '  found=("${(@f)$(stowage completion words -- "${(@)words[2,$CURRENT]}" 2>/dev/null)}")',
    "  compadd -Q -S '' -- ${found:#} || _files",
    "}",
    'if [ "$funcstack[1]" = _stowage ]; then _stowage; else compdef _stowage stowage; fi',
  ],
  fish: [
    "function __stowage_words",
    "  set -l words (commandline -opc) (commandline -ct)",
    "  stowage completion words -- $words[2..] 2>/dev/null",
    "end",
    "complete -c stowage -a '(__stowage_words)'",
  ],
};

/** `stowage completion`. */
export default defineBody({
  usage: Object.keys(SCRIPTS).join("|"),
  details:
    "Writes a script for the shell. At the prompt it completes commands, flags, their words, and " +
    "the names in a layout on this machine.",
  flags: {},
  examples: [
    "source <(stowage completion bash)",
    "stowage completion zsh > ~/.zfunc/_stowage",
    "stowage completion fish | source",
  ],
  words: Object.keys(SCRIPTS),
  positionals: [1, Infinity],
  async run(context) {
    const { positionals: [shell = "", ...typed], terminal } = context;
    if (shell === "words") {
      for (const word of await candidates(context, typed)) await terminal.out(`${word}\n`);
      return;
    }
    const script = SCRIPTS[shell];
    if (!script || typed.length > 0) {
      const known = Object.keys(SCRIPTS).join(", ");
      throw usageError(`Cannot write a script for ${JSON.stringify(shell)}: shells are ${known}`);
    }
    await terminal.out(`${script.join("\n")}\n`);
  },
});
