/**
 * The alarm of a new offer: two hard tones by WebAudio and the motor, until somebody answers. The
 * full screen says the same without either. Not here: when it rings.
 */

const EVERY_MS = 1600;
const BUZZ_MS = [500, 150, 500, 150, 300];

let context: AudioContext | null = null;
let timer: number | undefined;

/** Browsers give sound to a page only after a touch; called on every one until it has worked. */
export function warmUp(): void {
  if (typeof AudioContext === "undefined") return;
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume().catch(() => undefined);
}

/** Whether a ring would be heard now. */
export function audible(): boolean {
  return context !== null && context.state === "running";
}

export function ring(on: boolean): void {
  window.clearInterval(timer);
  timer = undefined;
  if (!on) {
    buzz(0);
    return;
  }
  once();
  timer = window.setInterval(once, EVERY_MS);
}

/** A short shake: the tap was taken, also through a glove. */
export function buzz(pattern: number | number[]): void {
  if ("vibrate" in navigator) navigator.vibrate(pattern);
}

/** The tones once: something was taken from the crew. */
export function call(): void {
  if (timer === undefined) once();
}

function once(): void {
  buzz(BUZZ_MS);
  if (context === null || context.state !== "running") return;
  for (const [after, hertz] of [[0, 988], [0.22, 740], [0.44, 988], [0.66, 740]] as const) tone(context, hertz, after);
}

function tone(on: AudioContext, hertz: number, after: number): void {
  const at = on.currentTime + after;
  const voice = on.createOscillator();
  const loudness = on.createGain();
  voice.type = "square";
  voice.frequency.value = hertz;
  loudness.gain.setValueAtTime(0.0001, at);
  loudness.gain.exponentialRampToValueAtTime(0.6, at + 0.02);
  loudness.gain.setValueAtTime(0.6, at + 0.16);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.21);
  voice.connect(loudness).connect(on.destination);
  voice.start(at);
  voice.stop(at + 0.22);
}
