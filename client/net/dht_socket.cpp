#include "client/net/dht_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <future>
#include <random>
#include <utility>

#include "client/net/clock.hpp"
#include "client/net/datagrams.hpp"
#include "client/net/endpoints.hpp"
#include "torrent/write_file.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr std::size_t max_state_bytes = 1 << 20;
constexpr unsigned max_errors = 1000;        // in a row, of a socket; then it is left alone
constexpr unsigned datagrams_in_a_row = 16;  // then others have their turn

SipKey random_key() {
  std::random_device device;
  const auto number = [&] { return std::uint64_t{device()} << 32 | device(); };
  return {number(), number()};
}

}  // namespace

DhtSocket::DhtSocket(asio::io_context& context, DhtSocketOptions options, Found found,
                     NamedHosts::Told told)
    : context_(context),
      options_(std::move(options)),
      found_(std::move(found)),
      timer_(context),
      told_unknown_(std::move(told)),
      searches_({options_.announce_interval, options_.retry_min}) {}

DhtSocket::~DhtSocket() {
  if (lock_ >= 0) ::close(lock_);
}

template <class Work>
void DhtSocket::post(Work work) {
  asio::post(context_, [self = shared_from_this(), work = std::move(work)]() mutable {
    if (!self->stopped_) work(*self);
  });
}

// ---- from any thread

void DhtSocket::begin(const WireInfoHash& info_hash) {
  post([info_hash](DhtSocket& self) {
    self.start();
    self.searches_.add(info_hash, current_time());
    self.drain();
  });
}

void DhtSocket::end(const WireInfoHash& info_hash) {
  post([info_hash](DhtSocket& self) {
    if (!self.node_) return;
    if (const auto request = self.searches_.remove(info_hash)) self.node_->cancel(*request);
    self.node_->withdraw(info_hash);
    self.drain();
  });
}

void DhtSocket::add_node(const Endpoint& node) {
  post([node](DhtSocket& self) {
    if (!self.node_) return;
    self.node_->add_node(node, current_time());
    self.drain();
  });
}

void DhtSocket::add_nodes(const std::vector<HostPort>& nodes) {
  post([nodes](DhtSocket& self) {
    if (self.node_) self.resolve(nodes);
  });
}

void DhtSocket::request(Request request, std::function<void(const dht::Action&)> told) {
  post([request = std::move(request), told = std::move(told)](DhtSocket& self) {
    self.start();
    self.told_[request(*self.node_, current_time())] = told;
    self.drain();
  });
}

void DhtSocket::question(std::function<void(const dht::Node&)> question) {
  post([question = std::move(question)](DhtSocket& self) {
    self.start();
    question(*self.node_);
    self.drain();
  });
}

void DhtSocket::stop() {
  std::promise<void> done;
  asio::post(context_, [self = shared_from_this(), &done] {
    if (!std::exchange(self->stopped_, true)) {
      self->save();
      self->timer_.cancel();
      if (self->names_) self->names_->stop();
      error_code ignored;
      for (const auto& socket : {self->v4_, self->v6_})
        if (socket) socket->udp.close(ignored);
    }
    done.set_value();
  });
  done.get_future().wait();  // the context may be stopped next
}

// ---- beginning

bool DhtSocket::open() {
  const bool had_v4 = open(true, options_.port);
  if (!had_v4) open(true, 0);
  if (!open(false, port_ != 0 ? port_ : options_.port)) open(false, 0);
  post([](DhtSocket& self) {
    for (const auto& socket : {self.v4_, self.v6_})
      if (socket) self.receive(socket);
  });
  return v4_ || v6_;
}

// Two families on two ports cannot be told to peers: they learn the first.
bool DhtSocket::open(bool v4, std::uint16_t port) {
  Address address = v4 ? Address() : Address::v6({});
  if (!options_.addresses.empty()) {
    const auto ours = std::find_if(options_.addresses.begin(), options_.addresses.end(),
                                   [&](const Address& one) { return one.is_v4() == v4; });
    if (ours == options_.addresses.end()) return true;  // none is wanted
    address = *ours;
  }
  auto socket = std::make_shared<Socket>(context_);
  error_code error;
  socket->udp.open(v4 ? udp::v4() : udp::v6(), error);
  if (!error && !v4) socket->udp.set_option(asio::ip::v6_only(true), error);
  if (!error) socket->udp.bind({to_asio(address), port}, error);
  if (!error) socket->udp.non_blocking(true, error);
  if (!error) tell_own_addresses(socket->udp.native_handle(), v4);
  if (error) return false;
  if (port_ == 0) port_ = socket->udp.local_endpoint(error).port();
  (v4 ? v4_ : v6_) = std::move(socket);
  return true;
}

void DhtSocket::start() {
  if (node_) return;
  auto config = std::make_shared<dht::Config>();
  config->v4 = v4_ != nullptr;
  config->v6 = v6_ != nullptr;
  config->read_only = options_.read_only;
  config->address_toward = [this](const Address& host) {
    return heard_ && heard_->from.address == host ? heard_->ours : std::nullopt;
  };
  node_.emplace(std::move(config), random_key());
  load();
  node_->start(current_time());
  resolve(options_.bootstrap);
  save_at_ = current_time() + options_.save_interval;
}

void DhtSocket::resolve(const std::vector<HostPort>& nodes) {
  if (!names_) {
    const auto weak = weak_from_this();
    names_ = std::make_shared<NamedHosts>(
        context_, resolver_,
        [weak](const std::vector<Endpoint>& endpoints) {
          const auto self = weak.lock();
          if (!self || self->stopped_) return;
          self->node_->add_bootstrap(endpoints, current_time());
          self->drain();
        },
        [weak](const HostPort& host, const std::optional<Error>& error) {
          const auto self = weak.lock();
          if (self && !self->stopped_ && self->told_unknown_) self->told_unknown_(host, error);
        });
  }
  names_->add(nodes);
}

// ---- the table

void DhtSocket::load() {
  if (options_.state_folder.empty()) return;
  if (!make_private_folder(options_.state_folder, false)) return;
  const std::string path = options_.state_folder + "/dht";
  lock_ = ::open((path + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                 0600);
  if (lock_ >= 0) (void)::fchmod(lock_, 0600);  // of an earlier version
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);  // another barter is that node
    lock_ = -1;
  }
  if (lock_ < 0) return;
  if (const auto state = read_private_file(path, max_state_bytes); state.has_value()) {
    const auto loaded = node_->load(*state);  // what is broken is replaced by the next
    if (!loaded && loaded.error().code == Errc::unsupported) {
      ::close(lock_);  // a newer version's is not ours to replace: nothing is saved
      lock_ = -1;
    }
  }
}

void DhtSocket::save() {
  if (lock_ < 0 || !node_) return;
  const auto written = write_private_file(options_.state_folder + "/dht", node_->save());
  static_cast<void>(written);  // without it the next run begins at the routers
}

// ---- datagrams

void DhtSocket::receive(const std::shared_ptr<Socket>& socket) {
  socket->udp.async_wait(
      udp::socket::wait_read, [weak = weak_from_this(), socket](const error_code& error) {
        const auto self = weak.lock();
        if (!self || self->stopped_ || error) return;
        for (unsigned i = 0; i < datagrams_in_a_row; ++i) {
          const auto datagram = receive_datagram(socket->udp.native_handle(), socket->received);
          if (!datagram && errno == EAGAIN) break;
          if (!datagram && ++socket->errors == max_errors) return;
          if (!datagram) continue;
          socket->errors = 0;
          self->heard(*socket, *datagram);
          if (self->stopped_) return;
        }
        self->receive(socket);
      });
}

void DhtSocket::heard(Socket& socket, const Datagram& datagram) {
  const TimePoint now = current_time();
  const std::string_view bytes(socket.received.data(), datagram.size);
  if (const auto reset = refusals_.answer(bytes, now)) {
    send_datagram(socket.udp.native_handle(), *reset, datagram.from, datagram.ours);
  } else if (node_) {
    heard_ = datagram;  // the answer leaves from where the question came to
    node_->datagram_received(datagram.from, bytes, now);
    drain();
    heard_.reset();
  }
}

void DhtSocket::perform(const dht::SendDatagram& action) {
  const auto& socket = action.to.address.is_v4() ? v4_ : v6_;
  if (!socket) return;
  const bool answers = heard_ && heard_->from == action.to;
  send_datagram(socket->udp.native_handle(), std::as_bytes(std::span(action.bytes)), action.to,
                answers ? heard_->ours : std::nullopt);
}

// ---- searches

void DhtSocket::search_due() {
  const TimePoint now = current_time();
  while (const auto info_hash = searches_.take_due(now)) {
    dht::AnnounceOptions announce;
    announce.port = options_.port;
    searches_.began(*info_hash, node_->announce(*info_hash, announce, now), now);
  }
}

void DhtSocket::perform(const dht::PeersFound& action) {
  if (searches_.found(action.info_hash, action.peers.size())) {
    found_(action.info_hash, action.peers);
  }
}

void DhtSocket::perform(const dht::RequestDone& action) {
  searches_.done(action.request, action.ok, current_time());
}

void DhtSocket::perform(const dht::NodesKnown&) {
  searches_.nodes_known(current_time());
}

void DhtSocket::drain() {
  while (true) {
    search_due();
    actions_.clear();
    node_->take_actions(actions_);
    if (actions_.empty()) break;
    for (const dht::Action& action : actions_) {
      std::visit([this](const auto& one) { perform(one); }, action);
      tell(action);
    }
  }
  arm();
}

// To whom a person's question belongs.
void DhtSocket::tell(const dht::Action& action) {
  if (told_.empty()) return;
  const auto request = std::visit(
      [](const auto& one) -> std::optional<dht::RequestId> {
        if constexpr (requires { one.request; }) return one.request;
        return std::nullopt;
      },
      action);
  const auto told = request ? told_.find(*request) : told_.end();
  if (told == told_.end()) return;
  told->second(action);
  if (std::holds_alternative<dht::RequestDone>(action)) told_.erase(told);
}

TimePoint DhtSocket::next_deadline() const {
  return std::min({node_->next_deadline(), save_at_, searches_.next_deadline()});
}

void DhtSocket::arm() {
  timer_.expires_at(next_deadline());
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->stopped_) return;
    const TimePoint now = current_time();
    if (now >= self->save_at_) {
      self->save();
      self->save_at_ = now + self->options_.save_interval;
    }
    self->node_->time_passed(now);
    self->drain();
  });
}

}  // namespace barter::net
