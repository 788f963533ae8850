/** A longer life for the guest's cookie: browsers that cut short what a script sets keep what the site's server sets. */

/** Works where the gateway is on the page's own host, or on one under the same cookie domain. */
export async function renew(host: string, writeKey: string, anonymousId: string | undefined): Promise<void> {
  const body = JSON.stringify({ writeKey, anonymousId });
  await fetch(host + "v1/cookie", { method: "POST", credentials: "include", body }).catch(() => undefined);
}
