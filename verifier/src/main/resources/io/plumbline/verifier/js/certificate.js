import { concat } from './bytes.js';
import { holds, SIGNATURE_BYTES } from './ed25519.js';

const MAX_FULL_NODES = 1024;
const VOTE = new TextEncoder().encode('plumbline vote 2');

/** Full nodes that may lie while what a quorum has signed still stands: fewer than a third. */
export function mostLiars(fullNodes) {
  return Math.floor((fullNodes - 1) / 3);
}

/** Signatures that certify: any two such sets share more full nodes than may lie. */
export function quorum(fullNodes) {
  return Math.floor((fullNodes + mostLiars(fullNodes)) / 2) + 1;
}

/** Signatures of full nodes by their place in the genesis, each place once and in ascending order. */
export function readCertificate(reader) {
  const epoch = reader.long('epoch');
  const count = reader.intWithin('signatures', 0, MAX_FULL_NODES);
  const signatures = [];
  for (let i = 0, last = -(2 ** 31) - 1; i < count; i++) {
    const place = reader.int('full node');
    if (place <= last) {
      reader.refuse(`full node ${place} stands after full node ${last}`);
    }
    last = place;
    signatures.push({ place, signature: reader.fixed(SIGNATURE_BYTES, 'signature') });
  }
  return { epoch, signatures };
}

/** How many of these full nodes have signed this block. */
export async function countSignatures(certificate, network, header) {
  const message = new DataView(new ArrayBuffer(4 + 16 + 32 + 8 + 8 + 32));
  const bytes = new Uint8Array(message.buffer);
  message.setInt32(0, VOTE.length, true);
  message.setBigInt64(52, certificate.epoch, true);
  message.setBigInt64(60, header.number, true);
  bytes.set(concat(VOTE, network.hash), 4);
  bytes.set(header.hash, 68);
  const members = certificate.signatures.filter(({ place }) => place >= 0 && place < network.fullNodes.length);
  const good = await Promise.all(
    members.map(({ place, signature }) => holds(network.fullNodes[place], bytes, signature)));
  return good.filter(Boolean).length;
}
