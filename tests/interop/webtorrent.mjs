// One torrent in webtorrent: webtorrent.mjs TORRENT FOLDER PORT. A line of JSON ten times a second. SIGTERM ends it.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [torrent, folder, port] = process.argv.slice(2)
const require = createRequire(process.env.WEBTORRENT + '/')
const { default: WebTorrent } = await import(pathToFileURL(require.resolve('webtorrent')))
const client = new WebTorrent({ torrentPort: Number(port), dht: false, lsd: false, natUpnp: false, natPmp: false })
client.on('error', error => { console.error(error); process.exit(1) })
const added = client.add(torrent, { path: folder })
setInterval(() => console.log(JSON.stringify({
  received: added.received, sent: added.uploaded, done: added.done, ready: added.ready, peers: added.numPeers
})), 100)
process.on('SIGTERM', () => client.destroy(() => process.exit(0)))
