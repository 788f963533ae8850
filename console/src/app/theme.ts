/** Light, dark, or as the system has it: kept in this browser. */
const KEY = "ask0.theme";

export type Theme = "system" | "light" | "dark";

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  startTheme();
}

export function startTheme(): void {
  document.documentElement.dataset.theme = theme();
}
