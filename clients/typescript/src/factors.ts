import type { Client } from "./client.js";

/**
 * confirmAuthenticatorApp completes the enrolment of an app, which POST /v1/users/me/totp has begun, by a code of it. It
 * returns the recovery codes, which are shown only here: none if the account had a second factor.
 */
export async function confirmAuthenticatorApp(client: Client, code: string): Promise<string[]> {
  const { data } = await client.POST("/v1/users/me/totp/confirm", { body: { code } });
  await renewTokens(client); // the first factor revokes the access token, and may give rights
  return data.recoveryCodes;
}

/** removeFactor removes an authenticator app or a passkey. */
export async function removeFactor(client: Client, id: string): Promise<void> {
  await client.DELETE("/v1/users/me/second-factor/{id}", { params: { path: { id } } });
  await renewTokens(client); // the last factor revokes the access token, and may take rights
}

/**
 * renewTokens replaces the tokens after a change of the second factor. It does not fail: the change is done, and its recovery
 * codes are shown only once. If the refresh fails, the next request that gets a 401 for the revoked token repeats it.
 */
export async function renewTokens(client: Client): Promise<void> {
  await client.refresh().catch(() => undefined);
}
