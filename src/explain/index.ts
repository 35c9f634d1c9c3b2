/**
 * What went over the wire, and why it failed: captured octets as trees, checks with the keys at hand, causes with evidence. Needs no
 * Node.js and reads no files.
 * @module
 */
export { type DecodedMessage, type DecodeOptions, decode, type Explanation } from './decode.ts';
export { CAUSES, type CauseCode, type CauseEntry, pageOf } from './diagnose/causes.ts';
export { type Cause, type Diagnosis, diagnose } from './diagnose/diagnose.ts';
export type { Likelihood } from './diagnose/findings.ts';
export { CAUSES_OF_ERROR } from './diagnose/of-error.ts';
export type { Container } from './input/piece.ts';
export type { Protocol } from './messages/recognise.ts';
export type { Fact, Side } from './observations.ts';
export { type RenderOptions, renderDiagnosis, renderJson, renderText } from './render.ts';
export { printable } from './text.ts';
export {
  readTrace,
  type Trace,
  type TraceDraw,
  type TraceHeader,
  type TraceLine,
  type TraceMessage,
  writeLine,
} from './trace/lines.ts';
export { Recorder, type RecorderOptions } from './trace/recorder.ts';
export { type Difference, type Replay, type ReplayOptions, replay } from './trace/replay.ts';
export { summaryOf } from './trace/summary.ts';
export { type Note, type NoteCode, nodesOf, type TreeNode } from './tree.ts';
export type { Check, CheckName } from './verify/check.ts';
export type { GivenKeys } from './verify/key-ring.ts';
