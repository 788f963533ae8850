"""Signing in with an account of an OpenID provider, such as Google, Okta or Keycloak."""
