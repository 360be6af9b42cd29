import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** A passkey of an authenticator. */
interface Passkey {
  id: Buffer;
  key: KeyObject;
  userHandle: ArrayBuffer;
  rpId: string;
}

/**
 * installAuthenticator gives Node the navigator.credentials of a page at an origin, with an authenticator that has verified
 * its user. Like a browser from before 2025 it does not read or write JSON.
 */
export function installAuthenticator(origin: string): void {
  const passkeys: Passkey[] = [];
  const clientData = (type: string, challenge: BufferSource) =>
    Buffer.from(JSON.stringify({ type, challenge: bytes(challenge).toString("base64url"), origin, crossOrigin: false }));
  const credential = (id: Buffer, response: object) => ({ id: id.toString("base64url"), rawId: buffer(id), type: "public-key", response });
  const credentials = {
    async create({ publicKey }: { publicKey: PublicKeyCredentialCreationOptions }) {
      const rpId = publicKey.rp.id ?? new URL(origin).hostname;
      const excluded = publicKey.excludeCredentials?.map(({ id }) => bytes(id).toString("hex"));
      if (passkeys.some(({ id }) => excluded?.includes(id.toString("hex")))) throw new DOMException("It is registered.", "InvalidStateError");
      const { publicKey: verifier, privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const id = randomBytes(16);
      passkeys.push({ id, key, rpId, userHandle: buffer(bytes(publicKey.user.id)) });
      const { x = "", y = "" } = verifier.export({ format: "jwk" });
      // COSE_Key of ES256 (RFC 9053, section 7.1.1).
      const cose = Buffer.concat([Buffer.from("a5010203262001215820", "hex"), Buffer.from(x, "base64url"), Buffer.from("225820", "hex"), Buffer.from(y, "base64url")]);
      const data = Buffer.concat([authenticatorData(rpId, 0x45), Buffer.alloc(16), Buffer.from([0, id.length]), id, cose]);
      // {"fmt": "none", "attStmt": {}, "authData": data} in CBOR.
      const attestationObject = Buffer.concat([Buffer.from("a363666d74646e6f6e656761747453746d74a068617574684461746158", "hex"), Buffer.from([data.length]), data]);
      return credential(id, {
        clientDataJSON: buffer(clientData("webauthn.create", publicKey.challenge)), attestationObject: buffer(attestationObject), getTransports: () => ["internal"],
      });
    },
    async get({ publicKey }: { publicKey: PublicKeyCredentialRequestOptions }) {
      const found = passkeys.findLast(({ rpId }) => rpId === publicKey.rpId);
      if (!found) throw new DOMException("There is no passkey.", "NotAllowedError");
      const client = clientData("webauthn.get", publicKey.challenge);
      const data = authenticatorData(found.rpId, 0x05);
      const signature = sign("sha256", Buffer.concat([data, createHash("sha256").update(client).digest()]), found.key);
      return credential(found.id, { clientDataJSON: buffer(client), authenticatorData: buffer(data), signature: buffer(signature), userHandle: found.userHandle });
    },
  };
  Object.defineProperty(globalThis, "PublicKeyCredential", { value: class {}, configurable: true });
  Object.defineProperty(globalThis, "navigator", { value: { credentials }, configurable: true });
}

/** authenticatorData returns what an authenticator signs: without a signature counter, as passkeys that are synchronized have none. */
function authenticatorData(rpId: string, flags: number): Buffer {
  return Buffer.concat([createHash("sha256").update(rpId).digest(), Buffer.from([flags, 0, 0, 0, 0])]);
}

function bytes(source: BufferSource): Buffer {
  return ArrayBuffer.isView(source) ? Buffer.from(source.buffer, source.byteOffset, source.byteLength) : Buffer.from(source);
}

function buffer(data: Buffer): ArrayBuffer {
  return new Uint8Array(data).buffer;
}
