/**
 * A terminal as a picture: lines with colours become an SVG that needs nothing but a monospaced font.
 * @module
 */

const CHARACTER = 7.8;
const LINE = 17;
const MARGIN = 18;
const TITLE_BAR = 30;
const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const COLUMNS = 80;

/** How the styles of the terminal look, by their codes. */
const LOOKS: Readonly<Record<string, string>> = {
  '1': 'fill="#ffffff" font-weight="bold"',
  '2': 'fill="#8b949e"',
  '31': 'fill="#ff7b72"',
  '32': 'fill="#7ee787"',
  '33': 'fill="#e3b341"',
  '36': 'fill="#79c0ff"',
};

/** @param title - for those who cannot see it */
export function terminalSvg(lines: readonly string[], title: string): string {
  const width = Math.round(COLUMNS * CHARACTER + 2 * MARGIN);
  const height = TITLE_BAR + lines.length * LINE + MARGIN;
  const dots = ['#ff5f56', '#ffbd2e', '#27c93f'].map(
    (fill, at) => `<circle cx="${MARGIN + at * 18}" cy="16" r="5.5" fill="${fill}"/>`,
  );
  const texts = lines.map((line, at) => {
    const y = TITLE_BAR + (at + 1) * LINE;
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${spans(line)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    ...dots,
    `<g font-family='${FONT}' font-size="13" fill="#c9d1d9">`,
    ...texts,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** The text of such a picture, line by line. */
export function textOfSvg(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/gu)].map(([, inner = '']) =>
    inner
      .replaceAll(/<[^>]+>/gu, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  );
}

/** Each escape sequence begins a part: a code, `m`, and the text that looks so. */
function spans(line: string): string {
  const [first = '', ...parts] = line.split('\u001b[');
  const looking = parts.map((part) => {
    const end = part.indexOf('m');
    const text = escaped(part.slice(end + 1));
    const look = LOOKS[part.slice(0, end)];
    return look === undefined || text === '' ? text : `<tspan ${look}>${text}</tspan>`;
  });
  return [escaped(first), ...looking].join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
