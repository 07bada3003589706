/** Breaking a label into lines for a drawing, which has no line breaking of its own. */

/** How wide a text is in ems: a Chinese sign is one, a Latin letter about a half. */
export function ems(text: string): number {
  let sum = 0;
  for (const sign of text) sum += /[\u2e80-\u9fff\uff00-\uffef\u3000-\u303f]/.test(sign) ? 1 : 0.54;
  return sum;
}

/** At most `most` lines of at most `wide` ems; what does not fit ends with an ellipsis. */
export function lines(text: string, wide: number, most: number): string[] {
  const parts = text.match(/[\u2e80-\u9fff\uff00-\uffef\u3000-\u303f]|[^\s\u2e80-\u9fff\uff00-\uffef\u3000-\u303f]+|\s+/g) ?? [];
  const made: string[] = [];
  let line = "";
  for (const part of parts) {
    if (line !== "" && ems(line + part) > wide) {
      made.push(line.trimEnd());
      line = part.trimStart();
    } else line += part;
  }
  if (line.trim() !== "") made.push(line.trimEnd());
  if (made.length <= most) return made;
  const last = [...made[most - 1]!];
  while (last.length > 1 && ems(last.join("")) > wide - 1) last.pop();
  return [...made.slice(0, most - 1), `${last.join("").trimEnd()}…`];
}
