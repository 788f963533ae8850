/**
 * The calls of Ask0's documentation, word for word: `ask0` is a client, and so is `window.ask0`. test/documented.test.js
 * runs each part by itself. In one place the documentation has `attributes: {...}`, which is no JavaScript.
 */

// ## Basic identification
window.ask0.identify({
  id: 'user_123',
  email: 'john@example.com'
});

// ## With additional attributes
window.ask0.identify({
  id: 'user_123',
  email: 'john@example.com',
  name: 'John Doe',
  // Standard attributes
  company: 'Acme Corp',
  plan: 'pro',
  role: 'developer',
  // Custom attributes
  customAttributes: {
    teamSize: '10-50',
    industry: 'SaaS',
    signupDate: '2023-06-15',
    monthlySpend: 499,
    features: ['api', 'webhooks', 'sso']
  }
});

// ## Server-side identification
await ask0.users.identify({
  projectId: 'proj_123',
  userId: 'user_123',
  traits: {
    email: 'john@example.com',
    name: 'John Doe',
    company: 'Acme Corp',
    plan: 'pro'
  }
});

// ## Automatic identification
// After user login
function onUserLogin(user) {
  // Identify in Ask0
  window.ask0.identify({
    id: user.id,
    email: user.email,
    name: user.name,
    plan: user.subscription.plan
  });
}
// On page load for logged-in users
if (currentUser) {
  window.ask0.identify(currentUser);
}

// ## Custom segments
// Define custom segment
const highValueUsers = {
  name: "High Value Users",
  conditions: {
    plan: ["pro", "enterprise"],
    monthlySpend: { gte: 500 },
    conversations: { gte: 10 },
    satisfaction: { gte: 0.8 }
  }
};
// Query segment
const users = await ask0.users.segment(highValueUsers);

// ## Create or update user
await ask0.users.upsert({
  id: 'user_123',
  email: 'john@example.com',
  attributes: { teamSize: '10-50' }
});

// ## Get user profile
const user = await ask0.users.get('user_123');

// ## List users
const users = await ask0.users.list({
  filter: {
    plan: 'pro',
    lastActiveAfter: '2024-01-01'
  },
  limit: 100
});

// ## Update user attributes
await ask0.users.update('user_123', {
  plan: 'enterprise',
  customAttributes: {
    upgraded: true,
    upgradeDate: new Date()
  }
});

// ## Get user conversations
const conversations = await ask0.users.getConversations('user_123', {
  limit: 20,
  sort: 'recent'
});

// ## Delete user data
await ask0.users.delete('user_123', {
  deleteConversations: true,
  anonymize: false
});

// ## Track event
ask0.track('Feature Used', {
  userId: 'user_123',
  feature: 'API Integration',
  success: true
});

// ## Batch events
ask0.batch([
  { event: 'Page Viewed', userId: 'user_123', page: '/docs' },
  { event: 'Button Clicked', userId: 'user_123', button: 'Get Started' }
]);
