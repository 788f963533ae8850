/** The demo page: a site that uses Ask0 as any site would. */

import { end, startChat } from "./conversation.js";
import { element, find } from "./dom.js";
import { loggedIn, logIn, logOut, PEOPLE, type Person } from "./people.js";
import { startRows } from "./rows.js";
import { tell, tellAll, tellPage, tellReset, tellWho } from "./tell.js";

function showAccount(): void {
  const person = loggedIn();
  find("account").textContent = person ? person.name : "Guest";
  find<HTMLButtonElement>("logout").disabled = !person;
  for (const button of find("people").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.id === person?.id));
  }
}

function enter(person: Person): void {
  const before = loggedIn();
  if (before && before !== person) end(); // a guest's conversation goes on as the user's
  logIn(person);
  tellWho(person, before !== person);
  showAccount();
}

function leave(): void {
  end();
  logOut();
  tellReset();
  showAccount();
}

function personButton(person: Person): HTMLButtonElement {
  const initials = person.name.replace(/[^A-Z]/g, "");
  const button = element(
    "button",
    { type: "button", class: "person", "data-id": person.id, "aria-pressed": "false" },
    element("span", { class: "avatar", "aria-hidden": "true" }, initials),
    element("span", {}, person.name, element("small", {}, `${person.company} · ${person.plan}`)),
  );
  button.addEventListener("click", () => enter(person));
  return button;
}

find("people").append(...PEOPLE.map(personButton));
find("logout").addEventListener("click", leave);
find("pricing").addEventListener("click", () => tell("Viewed Pricing", { tab: "annual" }));
find("upgrade").addEventListener("click", () => tell("Clicked Upgrade", { from: "free", to: "pro" }));
find("batch").addEventListener("click", () =>
  tellAll([
    { event: "Page Viewed", page: "/docs" },
    { event: "Article Read", page: "/docs/webhooks", seconds: 41 },
    { event: "Button Clicked", button: "Get Started" },
  ]),
);

const person = loggedIn();
if (person) window.ask0.identify(person); // on each page load; known already, so nothing is sent
showAccount();
startChat();
startRows();
tellPage("Help");
