/**
 * The words of a command line, as a shell would cut them: quotes are taken off, and `|`, `>`, `#`, `&&` and `;`
 * end it. Throws for what would need a shell to know: variables and substitutions.
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (char === '"' || char === "'") {
      const end = line.indexOf(char, at + 1);
      if (end < 0) throw new Error(`a quote is not closed: ${line}`);
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (/[|>;&]/.test(char) || (char === '#' && word === undefined)) break;
    else if (/[$`\\*?]/.test(char)) throw new Error(`needs a shell: ${line}`);
    else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}
