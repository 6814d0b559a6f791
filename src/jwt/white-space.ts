const WHITE_SPACE = " \t\r\n";

/**
 * A token or secret without the white space round it: Kafka, grpc-go and kubelet's files bring a newline. ASCII only: any
 * other character is part of what was sent.
 */
export function withoutOuterSpace(sent: string): string {
  let start = 0;
  let end = sent.length;
  while (start < end && WHITE_SPACE.includes(sent.charAt(start))) start += 1;
  while (end > start && WHITE_SPACE.includes(sent.charAt(end - 1))) end -= 1;
  return sent.slice(start, end);
}
