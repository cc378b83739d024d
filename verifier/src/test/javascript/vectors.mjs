// Holds the JavaScript verifier to the vectors that the Java code makes. Knows nothing of where it runs.
import {
  answerFrom, requestFrom, verifyProof, verifyReceipt,
} from '../../main/resources/io/plumbline/verifier/js/verifier.js';

const verifiers = {
  'requests.json': (one) => requestFrom(one.request),
  'answers.json': (one) => answerFrom(one.answer),
  'receipts.json': (one) => verifyReceipt(one.receipt, one),
  'proofs.json': (one) => verifyProof(one.proof, one.network, one),
};

export const files = Object.keys(verifiers);

/** What a verifier has decoded, as the vectors write it: bytes in hexadecimal, numbers of 64 bits as texts. */
function plain(value) {
  if (value instanceof Uint8Array) {
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
  if (typeof value === 'bigint') {
    return String(value);
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return Array.from(value, plain);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

/** The fields that the vector has; a verifier may give more. */
function differs(expected, found) {
  if (expected === null || typeof expected !== 'object') {
    return expected !== found;
  }
  if (found === null || typeof found !== 'object' || Array.isArray(expected) !== Array.isArray(found)) {
    return true;
  }
  const isLonger = Array.isArray(expected) && expected.length !== found.length;
  return isLonger || Object.keys(expected).some((name) => differs(expected[name], found[name]));
}

/** Names the cases of one file on which the verifier's word is not the vectors'. */
export async function wrongCases(file, vectors) {
  const wrong = [];
  for (const one of vectors.cases) {
    let said;
    try {
      const accepted = plain(await verifiers[file](one));
      const isWrong = !one.expect.accepted || differs(one.expect.accepted, accepted);
      said = isWrong ? `accepted: ${JSON.stringify(accepted)}` : null;
    } catch (error) {
      const isSentence = /^[A-Z].*\.$/s.test(error.message);
      const isRight = error.failure !== undefined && error.failure === one.expect.failure && isSentence;
      said = isRight ? null : `${error.failure ?? error.stack}: ${error.message}`;
    }
    if (said !== null) {
      wrong.push(`${one.name}: ${said}`);
    }
  }
  return wrong;
}
