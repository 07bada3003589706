/**
 * The one sound of the desk: two soft notes while a critical alarm stands unacknowledged. Belongs
 * here: WebAudio. The desk is complete without it; a browser that forbids sound loses nothing else.
 */

const EVERY_MS = 4000;
let context: AudioContext | null = null;
let timer: number | undefined;

/** Ring every few seconds until told to stop. */
export function ringOut(on: boolean): void {
  window.clearInterval(timer);
  timer = undefined;
  if (!on) return;
  notes();
  timer = window.setInterval(notes, EVERY_MS);
}

function notes(): void {
  if (typeof AudioContext === "undefined") return;
  context ??= new AudioContext();
  if (context.state === "suspended") {
    // Browsers wait for a first touch of the page; the alarm is on screen meanwhile.
    context.resume().catch(() => undefined);
    if (context.currentTime === 0) return;
  }
  note(context, 740, 0);
  note(context, 587, 0.28);
}

function note(on: AudioContext, hertz: number, after: number): void {
  const at = on.currentTime + after;
  const tone = on.createOscillator();
  const loudness = on.createGain();
  tone.type = "triangle";
  tone.frequency.value = hertz;
  loudness.gain.setValueAtTime(0.0001, at);
  loudness.gain.exponentialRampToValueAtTime(0.16, at + 0.03);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.42);
  tone.connect(loudness).connect(on.destination);
  tone.start(at);
  tone.stop(at + 0.45);
}
