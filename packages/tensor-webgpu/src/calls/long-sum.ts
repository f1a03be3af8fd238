// Sums of many terms by one invocation: f32 loses digits as a sum grows, so each partial sum moves on to a sum of sums.
// Nothing here depends on how an addition is rounded, which a driver may optimize away.

/**
 * Terms that are added up before their sum moves on: with a million terms no chain of additions is much longer than
 * 2000.
 */
const BLOCK = 512;

/** Statements that name `name`, the sum of everything that `body` adds. */
export const longSum = (name: string, type: string, body: (add: (x: string) => string) => string): string => `
  var ${name} = ${type}(0);
  {
    var part = ${type}(0);
    var terms = 0u;
    ${body(
      (x) => `part += ${x}; terms += 1u; if (terms == ${BLOCK}u) { ${name} += part; part = ${type}(0); terms = 0u; }`,
    )}
    ${name} += part;
  }`;
