/** The chat box: a run of questions and answers, each told to Ask0. */

import { answer, type Answer, SUGGESTIONS } from "./assistant.js";
import { element, find, nothing } from "./dom.js";
import { mayChat } from "./access.js";
import { tell, tellAll } from "./tell.js";

const THINKING_MS = 450;

const REFUSALS: Record<string, string> = {
  deactivated: "Your account is deactivated, so I may not answer. Please write to support.",
  login_required: "Please log in first: I answer those who are known here.",
  unverified_email: "Please confirm your email first: then I may answer.",
};

interface Conversation {
  id: string;
  answered: boolean;
}

const log = find("log");
const close = find<HTMLButtonElement>("close");
const question = find<HTMLInputElement>("question");
let current: Conversation | undefined;

export function startChat(): void {
  find("suggestions").append(
    ...SUGGESTIONS.map((text) => {
      const chip = element("button", { type: "button", class: "chip" }, text);
      chip.addEventListener("click", () => ask(text));
      return chip;
    }),
  );
  find("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(question.value.trim());
    question.value = "";
  });
  close.addEventListener("click", () => {
    end();
    question.focus();
  });
}

/** Closes what is open, as a log-out does too. */
export function end(): void {
  if (!current) return;
  tell("Conversation Closed", { conversationId: current.id, status: current.answered ? "resolved" : "escalated" });
  current = undefined;
  close.disabled = true;
  log.replaceChildren(nothing("The conversation is closed. Ask again to start another."));
}

function ask(text: string): void {
  if (!text) return;
  const said = answer(text);
  const conversation = (current ??= begin(text, said));
  const asked = performance.now();
  const messageId = crypto.randomUUID(); // its own, as the answer names it
  const properties = { conversationId: conversation.id, text, topic: said.topic };
  tellAll([{ type: "track", event: "Question Asked", messageId, properties }]);
  say("you", text);
  const dots = element("span", { class: "typing", role: "img", "aria-label": "The assistant is writing" });
  const typing = say("bot", dots);
  void Promise.all([mayChat(), after(THINKING_MS)]).then(([access]) => {
    typing.remove();
    if (!access.allowed) {
      say("bot", REFUSALS[access.reason] ?? "You cannot chat here.");
      return;
    }
    conversation.answered = said.answered;
    tell("Answer Given", {
      conversationId: conversation.id,
      text: said.text,
      answered: said.answered,
      latencyMs: Math.round(performance.now() - asked),
      sources: said.sources,
      inReplyTo: messageId,
    });
    say("bot", said.text, rate(conversation.id));
  });
}

function after(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function begin(title: string, { topic }: Answer): Conversation {
  const id = `conv_${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  tell("Conversation Started", { conversationId: id, title, channel: "web", topic });
  log.replaceChildren();
  close.disabled = false;
  return { id, answered: false };
}

function say(who: "you" | "bot", ...content: (Node | string)[]): HTMLElement {
  const name = element("span", { class: "hidden" }, who === "you" ? "You: " : "Assistant: ");
  const message = element("div", { class: `message ${who}` }, name, ...content);
  log.append(message);
  log.scrollTop = log.scrollHeight;
  return message;
}

function rate(conversationId: string): HTMLElement {
  const thumbs = element("span", { class: "thumbs", role: "group", "aria-label": "Was this helpful?" });
  const button = (value: "up" | "down", label: string) => {
    const made = element("button", { type: "button", class: "thumb", "aria-pressed": "false" }, label);
    made.addEventListener("click", () => {
      tell("Feedback Given", { conversationId, thumbs: value });
      for (const other of thumbs.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === made));
    });
    return made;
  };
  thumbs.append(button("up", "Helpful"), button("down", "Not helpful"));
  return thumbs;
}
