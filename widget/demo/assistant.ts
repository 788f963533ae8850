/** A scripted assistant: the first topic that a word of the question names has the answer. */

export interface Answer {
  text: string;
  topic: string;
  answered: boolean;
  sources: string[];
}

interface Topic {
  topic: string;
  words: RegExp;
  text: string;
  source: string;
}

export const SUGGESTIONS = ["What are the API rate limits?", "How do I verify a webhook?", "Can I change my plan?"];

const TOPICS: Topic[] = [
  {
    topic: "API",
    words: /\b(api|rate|limits?|quota|429)\b/i,
    text: "600 requests a minute on Pro, 60 on Free. A 429 carries Retry-After: wait that long, then go on.",
    source: "/help/rate-limits",
  },
  {
    topic: "Integration",
    words: /\b(web\s?hooks?|integrat\w*|zapier|slack)\b/i,
    text: "Each webhook is signed: compare the X-Acme-Signature header with the HMAC-SHA256 of the raw body.",
    source: "/help/webhooks",
  },
  {
    topic: "Billing",
    words: /\b(bill\w*|invoices?|plans?|pric\w*|upgrade|refund|pay\w*)\b/i,
    text: "You change plans under Settings → Billing; the difference is charged to the day. Invoices are there too.",
    source: "/help/billing",
  },
  {
    topic: "Account",
    words: /\b(password|log\s?in|sso|account|2fa|sign)\b/i,
    text: "“Forgot password” sends a link that is good for an hour. With SSO, your identity provider decides.",
    source: "/help/sign-in",
  },
];

export function answer(question: string): Answer {
  const known = TOPICS.find(({ words }) => words.test(question));
  if (known) return { text: known.text, topic: known.topic, answered: true, sources: [known.source] };
  const text = "I have no answer to that yet. A person will look at it.";
  return { text, topic: "Other", answered: false, sources: [] };
}
