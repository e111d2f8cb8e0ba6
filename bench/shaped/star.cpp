// star: a shaped star network in user space, for kernels without netem. Needs the right to make
// network namespaces and to open /dev/net/tun.
//
//   star [--queue MS] [--mtu N] [--segments] NAME:ADDRESS:UP_MBIT:DOWN_MBIT:DELAY_MS ...
//
// What it models: each host hangs on the middle of a star by a link of its own. What it sends waits
// in a drop-tail queue bounded in time (--queue), goes out at the host's up rate, takes the host's
// delay to the middle, waits in the queue of the receiver's link, goes at that one's down rate and
// takes that one's delay. The middle itself is as fast as it must be. So a round trip between two
// hosts is twice the sum of their delays. Rates count Ethernet frames with their 14 bytes of
// header, without preamble and checksum. No loss but by full queues, no jitter but by this
// process's own lateness, which is reported.
//
// --segments: a device hands out many TCP segments as one frame of up to 64 KiB, as a network card
// that cuts them itself; costs a fraction of the CPU. Rates count the frames that it would be cut
// into; delay and drops are those of the whole, so it is for lines of 100 Mbit/s and more.
//
// Standard output, JSON lines: `ready` with the process's id and the
// namespaces' descriptors; `counters` for each line "counters" on standard
// input, and at the end. Ends with its standard input, on SIGTERM or SIGINT.
// Exit code 77: this machine allows no namespaces or has no TAP devices.
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "frames.hpp"
#include "host.hpp"
#include "line.hpp"

namespace star {
namespace {

constexpr std::size_t frames_at_most = 200000;
constexpr int reads_a_turn = 64;        // from one host, before others have theirs
constexpr Nanoseconds grain = 250'000;  // of a turn
constexpr int not_allowed_here = 77;
constexpr Nanoseconds late_from = 2'000'000;

volatile sig_atomic_t stopping = 0;

Nanoseconds now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * Nanoseconds{1'000'000'000} + time.tv_nsec;
}

class Star {
 public:
  Star(const std::vector<HostPlan>& plans, const DevicePlan& devices, double queue_ms)
      : plans_(plans), hosts_(open_hosts(plans, devices)), frames_(frames_at_most) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (const HostPlan& plan : plans_) {  // lines 2i and 2i + 1 are those of host i
      lines_.emplace_back(plan.up_mbit, plan.delay_ms, queue_ms);
      lines_.emplace_back(plan.down_mbit, plan.delay_ms, queue_ms);
    }
    for (std::size_t i = 0; i < hosts_.size(); ++i) watch(hosts_[i].device, i);
    watch(STDIN_FILENO, hosts_.size());
  }

  void run() {
    say_ready();
    while (stopping == 0) {
      const Nanoseconds began = now();
      forward(began);
      wait(began);
    }
    say_counters();
  }

 private:
  void watch(int descriptor, std::size_t number) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  }

  // Everything that is at the end of its line by then.
  void forward(Nanoseconds time) {
    while (!due_.empty() && due_.next() <= time) {
      const std::size_t number = due_.pop();
      Line& line = lines_[number];
      Frame* frame = line.pop();
      if (line.first() != nullptr) due_.add(line.first()->due, number);
      if (number % 2 == 0) {
        enter(2 * frame->to + 1, frame, frame->due);
      } else {
        arrive(*frame, time);
        frames_.give_back(frame);
      }
    }
  }

  void enter(std::size_t number, Frame* frame, Nanoseconds time) {
    Line& line = lines_[number];
    const bool was_empty = line.first() == nullptr;
    if (!line.push(frame, time)) return frames_.give_back(frame);
    if (was_empty) due_.add(frame->due, number);
  }

  void arrive(Frame& frame, Nanoseconds time) {
    const Nanoseconds lateness = time - frame.due;
    latest_ = std::max(latest_, lateness);
    ++arrived_;
    if (lateness > late_from) ++late_;
    const auto bytes = Frames::bytes(frame);
    const ssize_t wrote = writev(hosts_[frame.to].device, bytes.data(), frame.rest ? 2 : 1);
    if (wrote != static_cast<ssize_t>(frame.length)) ++refused_;
  }

  // While frames are under way a turn lasts a grain, so that one turn takes what came meanwhile;
  // else it lasts until somebody sends.
  void wait(Nanoseconds began) {
    const bool idle = due_.empty();
    if (const Nanoseconds spent = now() - began; !idle && spent < grain) {
      const timespec rest{0, grain - spent};
      nanosleep(&rest, nullptr);
    }
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, idle ? -1 : 0);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == hosts_.size()) {
        read_commands();
      } else {
        read_frames(static_cast<std::uint32_t>(events[i].data.u64));
      }
    }
  }

  void read_frames(std::uint32_t from) {
    const Nanoseconds time = now();
    for (int i = 0; i < reads_a_turn; ++i) {
      Frame* frame = frames_.take();
      if (frame == nullptr) {  // it stays in the device's queue
        ++starved_;
        return;
      }
      const auto room = frames_.room(*frame);
      const ssize_t got = readv(hosts_[from].device, room.data(), 2);
      if (got <= 0) return frames_.give_back(frame);
      frames_.filled(*frame, static_cast<std::uint32_t>(got));
      frame->to = destination(*frame);
      frame->wire = wire_bytes(*frame);
      if (frame->to >= hosts_.size()) {
        frames_.give_back(frame);
      } else {
        enter(2 * from, frame, time);
      }
    }
  }

  void read_commands() {
    char buffer[256];
    const ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) {
      stopping = 1;
      return;
    }
    const std::string_view text(buffer, static_cast<std::size_t>(got));
    for (const char c : text)
      if (c == '\n') say_counters();
  }

  void say_ready() const {
    std::string spaces;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      spaces += fmt::format("{}\"{}\":{}", i > 0 ? "," : "", plans_[i].name, hosts_[i].space);
    }
    fmt::print("{{\"event\":\"ready\",\"pid\":{},\"namespaces\":{{{}}}}}\n", getpid(), spaces);
    std::fflush(stdout);
  }

  static std::string line_fields(std::string_view prefix, const Line& line) {
    return fmt::format(
        "\"{0}_frames\":{1},\"{0}_bytes\":{2},\"{0}_dropped_frames\":{3},\"{0}_dropped_bytes\":{4},"
        "\"{0}_longest_ms\":{5:.1f}",
        prefix, line.carried.frames, line.carried.bytes, line.dropped.frames, line.dropped.bytes,
        static_cast<double>(line.longest_wait) / 1e6);
  }

  void say_counters() const {
    std::string hosts;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      const std::string up = line_fields("up", lines_[2 * i]);
      const std::string down = line_fields("down", lines_[2 * i + 1]);
      hosts += fmt::format("{}\"{}\":{{{},{}}}", i > 0 ? "," : "", plans_[i].name, up, down);
    }
    fmt::print(
        "{{\"event\":\"counters\",\"arrived\":{},\"late\":{},\"latest_ms\":{:.2f},\"refused\":{},"
        "\"starved\":{},\"hosts\":{{{}}}}}\n",
        arrived_, late_, static_cast<double>(latest_) / 1e6, refused_, starved_, hosts);
    std::fflush(stdout);
  }

  std::vector<HostPlan> plans_;
  std::vector<Host> hosts_;
  Frames frames_;
  std::vector<Line> lines_;
  Due due_;
  int epoll_ = -1;
  std::uint64_t arrived_ = 0;  // frames, as devices take them
  std::uint64_t late_ = 0;     // of these later than `late_from` after their time
  Nanoseconds latest_ = 0;
  std::uint64_t refused_ = 0;  // by the device: full or down
  std::uint64_t starved_ = 0;  // turns in which all frames were under way
};

HostPlan plan_of(const std::string& text) {
  const std::vector<std::string> parts = CLI::detail::split(text, ':');
  if (parts.size() != 5) throw CLI::ValidationError("NAME:ADDRESS:UP:DOWN:DELAY expected", text);
  if (parts[0].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
    throw CLI::ValidationError("small letters and digits expected", parts[0]);
  }
  try {
    return {parts[0], parts[1], std::stod(parts[2]), std::stod(parts[3]), std::stod(parts[4])};
  } catch (const std::logic_error&) {
    throw CLI::ValidationError("numbers expected", text);
  }
}

void stop(int) {
  stopping = 1;
}

void prepare_process() {
  struct sigaction action {};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  // Before those who use it, where that is allowed: the network must not wait for its hosts.
  sched_param priority{};
  priority.sched_priority = 1;
  sched_setscheduler(0, SCHED_RR, &priority);
}

int run(int count, char** words) {
  CLI::App app{"A shaped star network in user space"};
  double queue_ms = 100;
  DevicePlan devices;
  std::vector<std::string> texts;
  app.add_option("--queue", queue_ms, "Milliseconds that a frame may wait for its link (100)");
  app.add_option("--mtu", devices.mtu, "Of the devices (1500)")->check(CLI::Range(576, 9000));
  app.add_flag("--segments", devices.segments, "Devices hand out many TCP segments as one");
  app.add_option("HOST", texts, "NAME:ADDRESS:UP_MBIT:DOWN_MBIT:DELAY_MS; a rate of 0 is none")
      ->required();
  std::vector<HostPlan> plans;
  try {
    app.parse(count, words);
    for (const std::string& text : texts) plans.push_back(plan_of(text));
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  try {
    Star star(plans, devices, queue_ms);
    prepare_process();
    star.run();
  } catch (const std::system_error& error) {
    fmt::print(stderr, "star: {}\n", error.what());
    const int reason = error.code().value();
    const bool allowed =
        reason != EPERM && reason != EACCES && reason != ENOENT && reason != ENODEV;
    return allowed ? 1 : not_allowed_here;
  }
  return 0;
}

}  // namespace
}  // namespace star

int main(int count, char** words) {
  return star::run(count, words);
}
