// Sets the MTU of a namespace's networks.
//
// Settings: { "mtu": 1500, "namespaces": { "storage": 9000 } }.

export const transform = {
  transform(attachment, plugin, settings) {
    const { mtu, namespaces = {} } = JSON.parse(settings);
    const namespace = attachment.network.split("/")[0];
    const wanted = namespaces[namespace] ?? mtu;
    if (!Number.isInteger(wanted)) {
      throw { code: 7, message: `no MTU for networks of ${namespace}`, details: "write `mtu` into the settings" };
    }
    // Only what changes has to be touched: the host compares values, and keeps the spelling of what stayed.
    return JSON.stringify({ ...JSON.parse(plugin), mtu: wanted });
  },
};
