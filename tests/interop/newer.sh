#!/usr/bin/env bash
# Installs clients for optional rows of the interop table, which are skipped without: qBittorrent and Deluge, large
# and from Debian, and below build/newer what Debian does not have. It needs root for the first two; Go, npm, cargo
# and the network for the others. What npm's packages would run on installing is not run; rqbit takes some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
samples/install.sh --yes newer
mkdir -p build/newer
cd build/newer

GOBIN=$PWD go install github.com/anacrolix/torrent/cmd/torrent@v1.59.1
mv torrent anacrolix

# Its WebRTC is a native program that would be fetched from elsewhere: a module that has everything, and does
# nothing, stands for it. Peers over TCP never ask for it.
npm install --silent --no-audit --no-fund --no-optional --ignore-scripts webtorrent@2.8.5 uint8-util@2.2.5
cat >node_modules/node-datachannel/dist/esm/lib/node-datachannel.mjs <<'MODULE'
const nothing = new Proxy(function () {}, { get: () => nothing, apply: () => nothing, construct: () => nothing });
export default nothing;
MODULE

cargo install --quiet --locked --root rqbit-build rqbit@9.1.0
mv rqbit-build/bin/rqbit rqbit
rm -r rqbit-build
echo "installed: qbittorrent-nox deluge-common; below build/newer: anacrolix webtorrent rqbit"
