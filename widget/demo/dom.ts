/** Elements, made of text only. */

type Child = Node | string;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function find<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Rows under column names; the caption is for those who do not see the heading above. */
export function table(caption: string, columns: string[], rows: Child[][]): HTMLTableElement {
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))));
  return element(
    "table",
    {},
    element("caption", { class: "hidden" }, caption),
    element("thead", {}, head),
    element("tbody", {}, ...body),
  );
}

export function nothing(text: string): HTMLParagraphElement {
  return element("p", { class: "empty" }, text);
}
