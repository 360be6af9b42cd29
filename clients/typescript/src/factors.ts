import type { Client } from "./client.js";

/**
 * confirmAuthenticatorApp completes the enrolment of an app, which POST /v1/users/me/totp has begun, by a code of it. It
 * returns the recovery codes, which are shown only here: none if the account had a second factor.
 */
export async function confirmAuthenticatorApp(client: Client, code: string): Promise<string[]> {
  const { data } = await client.POST("/v1/users/me/totp/confirm", { body: { code } });
  await client.refresh(); // the first factor revokes the access token, and may give rights
  return data.recoveryCodes;
}

/** removeFactor removes an authenticator app or a passkey. */
export async function removeFactor(client: Client, id: string): Promise<void> {
  await client.DELETE("/v1/users/me/second-factor/{id}", { params: { path: { id } } });
  await client.refresh(); // the last factor revokes the access token, and may take rights
}
