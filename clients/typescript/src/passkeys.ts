import type { Client } from "./client.js";
import { renewTokens } from "./factors.js";
import type { components } from "./generated/schema.js";
import type { Tokens } from "./session.js";

/** hasPasskeys reports whether the browser can use passkeys: pages need HTTPS, or the host localhost. */
export function hasPasskeys(): boolean {
  return globalThis.navigator?.credentials !== undefined && "PublicKeyCredential" in globalThis;
}

/**
 * registerPasskey adds a passkey of this device to the account. It returns the recovery codes, which are shown only here:
 * none if the account had a second factor. It throws a ProblemError, such as recent_login_required five minutes after the
 * sign-in, or the DOMException of the browser: NotAllowedError if the person has cancelled, InvalidStateError if the device
 * has a passkey of the account, SecurityError for an address that cannot use the shop's passkeys.
 */
export async function registerPasskey(client: Client, name: string, signal?: AbortSignal): Promise<components["schemas"]["CreatedPasskey"]> {
  const { challenge, options } = await begin(client, "registration", signal);
  const publicKey = creationOptions(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  const credential = await navigator.credentials.create({ publicKey, ...(signal && { signal }) });
  const { data } = await client.POST("/v1/users/me/passkeys", { body: { challenge, name, passkey: stringify(credential) } });
  await renewTokens(client); // the first factor revokes the access token, and may give rights
  return data;
}

/** signInWithPasskey signs in by a passkey that the person chooses. It throws like registerPasskey. */
export async function signInWithPasskey(client: Client, signal?: AbortSignal): Promise<Tokens> {
  const { challenge, options } = await begin(client, "sign-in", signal);
  const publicKey = requestOptions(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  const credential = await navigator.credentials.get({ publicKey, ...(signal && { signal }) });
  return client.confirmSignIn({ challenge, passkey: stringify(credential) });
}

async function begin(client: Client, purpose: "sign-in" | "registration", signal?: AbortSignal): Promise<components["schemas"]["PasskeyChallenge"]> {
  const { data } = await client.POST("/v1/passkeys/challenges", { body: { purpose }, ...(signal && { signal }) });
  return data;
}

/** creationOptions returns the options of a registration. Browsers from before 2025 do not read their JSON. */
function creationOptions(json: PublicKeyCredentialCreationOptionsJSON): PublicKeyCredentialCreationOptions {
  if ("parseCreationOptionsFromJSON" in PublicKeyCredential) return PublicKeyCredential.parseCreationOptionsFromJSON(json);
  const { challenge, user, excludeCredentials = [] } = json;
  return {
    ...(json as object as PublicKeyCredentialCreationOptions),
    challenge: decode(challenge),
    user: { ...user, id: decode(user.id) },
    excludeCredentials: excludeCredentials.map(descriptor),
  };
}

function requestOptions(json: PublicKeyCredentialRequestOptionsJSON): PublicKeyCredentialRequestOptions {
  if ("parseRequestOptionsFromJSON" in PublicKeyCredential) return PublicKeyCredential.parseRequestOptionsFromJSON(json);
  const { challenge, allowCredentials = [] } = json;
  return { ...(json as object as PublicKeyCredentialRequestOptions), challenge: decode(challenge), allowCredentials: allowCredentials.map(descriptor) };
}

function descriptor(json: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  return { ...(json as object as PublicKeyCredentialDescriptor), id: decode(json.id) };
}

/** stringify returns the JSON of what an authenticator has responded (WebAuthn, section 5.1). */
function stringify(credential: Credential | null): string {
  if (credential === null) throw new DOMException("The browser has returned no passkey.", "NotAllowedError");
  if ("toJSON" in credential) return JSON.stringify(credential);
  const { id, rawId, type, response } = credential as PublicKeyCredential;
  return JSON.stringify({ id, rawId: encode(rawId), type, clientExtensionResults: {}, response: { clientDataJSON: encode(response.clientDataJSON), ...members(response) } });
}

function members(response: AuthenticatorResponse): object {
  if ("attestationObject" in response) {
    const { attestationObject } = response as AuthenticatorAttestationResponse;
    return { attestationObject: encode(attestationObject), transports: (response as AuthenticatorAttestationResponse).getTransports?.() ?? [] };
  }
  const { authenticatorData, signature, userHandle } = response as AuthenticatorAssertionResponse;
  return { authenticatorData: encode(authenticatorData), signature: encode(signature), userHandle: userHandle && encode(userHandle) };
}

/** encode returns bytes in base64url without padding (RFC 4648, section 5). */
function encode(bytes: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
