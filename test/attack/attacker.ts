/** Attacks the port that it is given by the attack that it is given, until it is told to end. Run by `forkTypescript`. */
import { begin, MEMORY_ATTACKS } from "./memory-attacks.js";

const [, , name, port] = process.argv;
const attack = MEMORY_ATTACKS.find((one) => one.name === name);
if (attack === undefined) throw new Error(`there is no attack by the name of ${name}`);
const running = await begin(attack, Number(port));
process.send?.({ opened: running.opened() });
process.once("disconnect", () => process.exit(0));
