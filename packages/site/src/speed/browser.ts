// The name of a browser and its system.

/** What browsers say of themselves; only some have the second. */
export interface Agent {
  readonly userAgent: string;
  readonly userAgentData?: {
    readonly brands: readonly { readonly brand: string; readonly version: string }[];
    readonly platform: string;
  };
}

/** "Google Chrome 153 on Linux", or as much of it as is known. */
export function browserName({ userAgent, userAgentData }: Agent): string {
  if (userAgentData !== undefined && userAgentData.brands.length > 0) {
    const named = userAgentData.brands.filter(({ brand }) => !/not.*brand/i.test(brand));
    const { brand, version } = named.find(({ brand }) => brand !== "Chromium") ?? named[0] ?? userAgentData.brands[0]!;
    return [`${brand} ${version}`, userAgentData.platform].filter(Boolean).join(" on ");
  }
  const [, firefox] = /Firefox\/(\d+)/.exec(userAgent) ?? [];
  const [, safari] = /Version\/([\d.]+).* Safari\//.exec(userAgent) ?? [];
  const name = firefox ? `Firefox ${firefox}` : safari ? `Safari ${safari}` : undefined;
  const system = ["Android", "iPhone", "iPad", "Mac OS X", "Windows", "Linux"].find((one) => userAgent.includes(one));
  return [name ?? "an unknown browser", system].filter(Boolean).join(" on ");
}
