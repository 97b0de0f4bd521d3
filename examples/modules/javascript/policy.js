// Lets pods use a network only if they carry its label.
//
// Settings: { "labels": { "storage/*": "storage=yes" } }, network by network; `*` stands for the rest of a name.

export const policy = {
  review(attachment, plugins, settings) {
    const { labels } = JSON.parse(settings);
    const pod = attachment.pod;
    for (const [network, label] of Object.entries(labels)) {
      if (!matches(network, attachment.network)) continue;
      const [key, value] = label.split("=");
      const has = new Map(pod?.labels ?? []).get(key);
      if (has === undefined) return { tag: "deny", val: `network ${attachment.network} is for pods with the label ${label}` };
      if (has !== value) return { tag: "deny", val: `network ${attachment.network} is for pods with ${label}, not ${key}=${has}` };
    }
    console.log(`${plugins.length} plugin(s) for ${attachment.interfaceName}`);
    return { tag: "allow" };
  },
};

function matches(pattern, name) {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
