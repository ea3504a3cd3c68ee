/** Which tab a session belongs to: one at a time, until that tab is closed, reloaded or killed. */

const PREFIX = 'trus-session-';
const ANSWER_MS = 150;

/** @param {string} id of a session @returns {Promise<(() => void)|null>} gives it up; null: another tab has it */
export function claim(id) {
  return navigator.locks ? lock(id) : ask(id);
}

function lock(id) {
  return new Promise((resolve, reject) => {
    const held = (granted) => {
      if (!granted) return resolve(null);
      return new Promise((release) => resolve(release));
    };
    navigator.locks.request(PREFIX + id, { ifAvailable: true }, held).catch(reject);
  });
}

/** Without TLS on a clinic's server there are no locks: tabs ask each other. */
async function ask(id) {
  const channel = new BroadcastChannel(PREFIX + id);
  if (await isAnswered(channel)) {
    channel.close();
    return null;
  }
  channel.onmessage = ({ data }) => data === 'whose' && channel.postMessage('mine');
  return () => channel.close();
}

function isAnswered(channel) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_MS);
    channel.onmessage = ({ data }) => {
      if (data !== 'mine') return;
      clearTimeout(timer);
      resolve(true);
    };
    channel.postMessage('whose');
  });
}

/** Looks only: two that look at once would each take the other's look for a claim. @param {string} id @returns {Promise<boolean>} */
export async function isClaimed(id) {
  if (navigator.locks) return (await navigator.locks.query()).held.some(({ name }) => name === PREFIX + id);
  const channel = new BroadcastChannel(PREFIX + id);
  const answered = await isAnswered(channel);
  channel.close();
  return answered;
}
