/**
 * Completion scripts. They know nothing of the commands: they hand the line up to the cursor to
 * `maglevc --complete`, so they never grow old.
 *
 * @module
 */

const bash = `# bash completion for maglevc; load it with: source <(maglevc completion bash)
_maglevc() {
  local line=\${COMP_LINE:0:COMP_POINT} word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [[ $word == :files ]]; then compopt -o default; continue; fi
    # bash puts a candidate on the line as it is: nothing in it may be more than a word.
    printf -v word %q "$word"
    COMPREPLY+=("$word")
  done < <("$1" --complete "$line" 2>/dev/null)
}
complete -F _maglevc maglevc
`;

const zsh = `#compdef maglevc
# zsh completion for maglevc; load it with: source <(maglevc completion zsh)
_maglevc() {
  local word help
  local -a found
  while IFS=$'\\t' read -r word help; do
    if [[ $word == :files ]]; then _files; else found+=("\${word//:/\\\\:}:$help"); fi
  done < <("\${words[1]}" --complete "\${LBUFFER}" 2>/dev/null)
  (( \${#found} )) && _describe 'maglevc' found
}
if [[ \${funcstack[1]-} = _maglevc ]]; then _maglevc "$@"; else compdef _maglevc maglevc; fi
`;

/** The script that teaches a shell to complete maglevc's words. */
export function completionScript(shell: "bash" | "zsh"): string {
  return shell === "bash" ? bash : zsh;
}
