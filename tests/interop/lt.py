"""libtorrent (python3-libtorrent, hence /usr/bin/python3) as a program: create, show, check, peer.

peer reads a JSON object of options from its first argument and prints JSON lines: listening, stats,
finished, error; with the option `milestones` also began, first_peer, metadata and first_piece, each with
its `time` in seconds since 1970. It ends on SIGTERM."""

import json
import os
import signal
import sys
import time

import libtorrent as lt


def say(**fields):
    print(json.dumps(fields), flush=True)


def create(source, output, piece_length, variant):
    flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}[variant]
    files = lt.file_storage()
    lt.add_files(files, source)
    torrent = lt.create_torrent(files, piece_length, flags)
    lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(source)))
    with open(output, "wb") as file:
        file.write(lt.bencode(torrent.generate()))


def show(path):
    info = lt.torrent_info(path)
    hashes = info.info_hashes()
    files = info.files()
    pad = lt.file_storage.flag_pad_file
    say(name=info.name(), v1_info_hash=str(hashes.v1) if hashes.has_v1() else None,
        v2_info_hash=str(hashes.v2) if hashes.has_v2() else None, piece_length=info.piece_length(),
        private=info.priv(), trackers=[tracker.url for tracker in info.trackers()],
        files={files.file_path(i): files.file_size(i) for i in range(files.num_files())
               if not files.file_flags(i) & pad})


def check(path, folder, threads):
    """Checks files against a torrent; exit code 0 if all are whole."""
    session = lt.session({"enable_dht": False, "enable_lsd": False, "enable_upnp": False,
                          "enable_natpmp": False, "listen_interfaces": "", "hashing_threads": threads,
                          "alert_mask": lt.alert.category_t.error_notification
                          | lt.alert.category_t.status_notification})
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(path)
    parameters.save_path = folder
    parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = session.add_torrent(parameters)  # knows nothing of the files: it begins by hashing them
    while True:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.torrent_checked_alert):
                sys.exit(0 if handle.status().is_seeding else 1)
            if isinstance(alert, lt.torrent_error_alert):
                sys.exit(str(alert))


def dht_settings(options):
    if "dht" not in options.get("finds", ()):
        return {"enable_dht": False}
    # Nodes of one machine are all that there are.
    return {"enable_dht": True, "dht_bootstrap_nodes": "{}:{}".format(*options["dht_node"]),
            "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
            "dht_prefer_verified_node_ids": False, "dht_enforce_node_id": False}


MILESTONE_ALERTS = (lt.alert.category_t.dht_notification | lt.alert.category_t.tracker_notification
                    | lt.alert.category_t.piece_progress_notification)


# No uTP, and plain text only.
PLAIN_TCP = {"enable_outgoing_utp": False, "enable_incoming_utp": False,
             "in_enc_policy": 2, "out_enc_policy": 2, "allowed_enc_level": 1}


def settings(options):
    address, port = options["address"], options["port"]
    host = f"[{address}]" if ":" in address else address
    return {
        "listen_interfaces": f"{host}:{port}", "outgoing_interfaces": address,
        **dht_settings(options), "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        **({} if options.get("as_installed") else PLAIN_TCP),
        "announce_to_all_trackers": True, "announce_to_all_tiers": True,
        "allow_multiple_connections_per_ip": True,  # the programs under test share one address
        "max_retry_port_bind": 0, "stop_tracker_timeout": 1, "min_reconnect_time": 2,
        "peer_connect_timeout": 7, "connection_speed": 50, "alert_queue_size": 20000,
        "validate_https_trackers": False, "ssrf_mitigation": False,
        "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.status_notification
        | (MILESTONE_ALERTS if options.get("milestones") else 0),
        **options.get("settings", {}),
    }


def milestone(alert):
    """What happened with that alert for the first time, if it is worth telling."""
    if isinstance(alert, lt.dht_reply_alert) and alert.num_peers:
        return "first_peer"
    if isinstance(alert, lt.metadata_received_alert):
        return "metadata"
    if isinstance(alert, lt.piece_finished_alert):
        return "first_piece"
    return None


def await_dht(session):
    """A torrent that is there before the DHT has begun is not looked for in it for minutes (2.0.8). Its first
    lookup is not waited for: that takes 15 s where a node has gone."""
    deadline = time.monotonic() + 20
    while not session.is_dht_running() and time.monotonic() < deadline:
        time.sleep(0.001)


def peer(options):
    if options.get("milestones"):
        say(event="began", time=time.time())
    session = lt.session(settings(options))
    if options.get("milestones") and "dht" in options.get("finds", ()):
        await_dht(session)
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))

    if options.get("magnet"):
        parameters = lt.parse_magnet_uri(options["magnet"])
    else:
        parameters = lt.add_torrent_params()
        parameters.ti = lt.torrent_info(options["torrent"])
    parameters.save_path = options["folder"]
    parameters.flags |= lt.torrent_flags.disable_lsd
    for way, flag in (("pex", lt.torrent_flags.disable_pex), ("dht", lt.torrent_flags.disable_dht)):
        parameters.flags |= 0 if way in options.get("finds", ()) else flag
    parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if options.get("seed"):
        parameters.flags |= lt.torrent_flags.seed_mode if options.get("trust") else 0
    handle = session.add_torrent(parameters)
    if options.get("up_limit"):
        handle.set_upload_limit(options["up_limit"])
    for host, port in options.get("peers", []):
        handle.connect_peer((host, port))

    finished = complete = False
    passed = set()
    next_stats = 0.0
    while not stopping:
        for alert in session.pop_alerts():
            event = milestone(alert) if options.get("milestones") else None
            if event and event not in passed:
                passed.add(event)
                say(event=event, time=time.time())
            if isinstance(alert, lt.listen_succeeded_alert):
                say(event="listening", port=alert.port)
            elif isinstance(alert, lt.torrent_finished_alert):
                complete = True
            elif alert.category() & lt.alert.category_t.error_notification:
                say(event="error", message=str(alert))
        now = time.monotonic()
        if now >= next_stats or complete != finished:
            next_stats = now + 0.1
            status = handle.status()
            say(event="stats", done=status.total_wanted_done, down=status.total_payload_download,
                up=status.total_payload_upload, peers=status.num_peers, state=str(status.state),
                wasted=status.total_failed_bytes + status.total_redundant_bytes)
            if (complete or status.is_seeding) and not finished:
                finished = complete = True
                say(event="finished", time=time.time())
        time.sleep(0.001 if options.get("milestones") and not finished else 0.01)
    session.remove_torrent(handle)
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:  # lets `stopped` reach the tracker
        if any(isinstance(alert, lt.torrent_removed_alert) for alert in session.pop_alerts()):
            time.sleep(0.2)
            break
        time.sleep(0.02)


def main():
    command, *arguments = sys.argv[1:]
    if command == "create":
        source, output, piece_length, variant = arguments
        create(source, output, int(piece_length), variant)
    elif command == "show":
        show(*arguments)
    elif command == "check":
        path, folder, threads = arguments
        check(path, folder, int(threads))
    else:
        peer(json.loads(arguments[0]))


if __name__ == "__main__":
    main()
