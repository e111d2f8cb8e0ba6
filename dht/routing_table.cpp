#include "dht/routing_table.hpp"

#include <algorithm>

namespace barter::dht {

namespace {

constexpr std::size_t max_buckets = 64;  // deeper than any real network fills them
constexpr Duration ping_again = std::chrono::minutes(1);

template <class Contacts>
auto find_endpoint(Contacts& contacts, const Endpoint& endpoint) {
  return std::find_if(contacts.begin(), contacts.end(),
                      [&](const Contact& contact) { return contact.node.endpoint == endpoint; });
}

}  // namespace

std::size_t RoutingTable::size() const {
  std::size_t out = 0;
  for (const Bucket& bucket : buckets_) out += bucket.live.size();
  return out;
}

std::size_t RoutingTable::good(TimePoint now) const {
  std::size_t out = 0;
  for (const Bucket& bucket : buckets_)
    out += static_cast<std::size_t>(std::count_if(bucket.live.begin(), bucket.live.end(),
                                                  [&](const Contact& c) { return c.good(now); }));
  return out;
}

std::size_t RoutingTable::index(const NodeId& id) const {
  return std::min<std::size_t>(shared_bits(own_, id), buckets_.size() - 1);
}

Contact* RoutingTable::find(Bucket& bucket, const Endpoint& endpoint) {
  for (auto* contacts : {&bucket.live, &bucket.waiting}) {
    const auto found = find_endpoint(*contacts, endpoint);
    if (found != contacts->end()) return &*found;
  }
  return nullptr;
}

// Where its id says, else anywhere: under another id.
Contact* RoutingTable::find(const NodeInfo& node) {
  Bucket& likely = buckets_[index(node.id)];
  if (Contact* found = find(likely, node.endpoint)) return found;
  for (Bucket& bucket : buckets_) {
    if (&bucket == &likely) continue;
    if (Contact* found = find(bucket, node.endpoint)) return found;
  }
  return nullptr;
}

bool RoutingTable::crowded(const NodeInfo& node, const Bucket& bucket) const {
  const Endpoint host = host_of(node.endpoint);
  for (const Bucket& any : buckets_)
    for (const Contact& contact : any.live)
      if (!contact.bad() && host_of(contact.node.endpoint) == host) return true;
  const Endpoint neighbourhood = neighbourhood_of(node.endpoint);
  return std::any_of(bucket.live.begin(), bucket.live.end(), [&](const Contact& contact) {
    return !contact.bad() && neighbourhood_of(contact.node.endpoint) == neighbourhood;
  });
}

bool RoutingTable::answered(const NodeInfo& node, TimePoint now) {
  if (node.id == own_) return false;
  if (Contact* known = find(node)) {
    if (known->node.id == node.id) {
      known->seen = now;
      known->failures = 0;
      Bucket& bucket = buckets_[index(node.id)];
      bucket.heard = now;
      return find_endpoint(bucket.live, node.endpoint) != bucket.live.end();
    }
    // Another id from the same socket: restarted, or one that shows everybody another face. It
    // loses its place and may earn one again.
    for (Bucket& bucket : buckets_) {
      for (auto* contacts : {&bucket.live, &bucket.waiting})
        std::erase_if(*contacts,
                      [&](const Contact& c) { return c.node.endpoint == node.endpoint; });
      promote(bucket);
    }
    return false;
  }
  Contact contact;
  contact.node = node;
  contact.seen = now;
  contact.conforms = conforms(node.id, node.endpoint.address);
  return insert(contact);
}

bool RoutingTable::insert(const Contact& contact) {
  for (;;) {
    Bucket& bucket = buckets_[index(contact.node.id)];
    if (crowded(contact.node, bucket)) return false;
    const auto bad = std::find_if(bucket.live.begin(), bucket.live.end(),
                                  [](const Contact& c) { return c.bad(); });
    if (bad != bucket.live.end()) bucket.live.erase(bad);
    if (bucket.live.size() < k) {
      bucket.live.push_back(contact);
      bucket.attempts = 0;
      bucket.heard = contact.seen;
      return true;
    }
    if (&bucket == &buckets_.back() && buckets_.size() < max_buckets) {
      split();
      continue;
    }
    // A full bucket: an id that fits its address goes before one that does not.
    const auto worse = std::find_if(bucket.live.begin(), bucket.live.end(),
                                    [](const Contact& c) { return !c.conforms; });
    if (contact.conforms && worse != bucket.live.end()) {
      const Contact out = *worse;
      *worse = contact;
      wait(bucket, out);
      return true;
    }
    wait(bucket, contact);
    return false;
  }
}

void RoutingTable::wait(Bucket& bucket, const Contact& contact) {
  if (bucket.waiting.size() >= k) bucket.waiting.erase(bucket.waiting.begin());
  bucket.waiting.push_back(contact);
}

void RoutingTable::split() {
  const std::size_t depth = buckets_.size() - 1;
  buckets_.emplace_back();
  Bucket& from = buckets_[depth];
  Bucket& to = buckets_.back();
  to.refreshed = from.refreshed;
  to.heard = from.heard;
  const auto moves = [&](const Contact& contact) {
    return shared_bits(own_, contact.node.id) > depth;
  };
  for (const auto part : {&Bucket::live, &Bucket::waiting}) {
    auto& contacts = from.*part;
    std::copy_if(contacts.begin(), contacts.end(), std::back_inserter(to.*part), moves);
    std::erase_if(contacts, moves);
  }
  promote(from);
  promote(to);
}

// The freshest that waits takes a free place, if the limits on hosts still hold for it.
void RoutingTable::promote(Bucket& bucket) {
  while (bucket.live.size() < k && !bucket.waiting.empty()) {
    const Contact contact = bucket.waiting.back();
    bucket.waiting.pop_back();
    if (!crowded(contact.node, bucket)) bucket.live.push_back(contact);
  }
}

bool RoutingTable::queried(const NodeInfo& node, TimePoint now) {
  if (node.id == own_) return false;
  if (Contact* known = find(node)) {
    if (known->node.id == node.id) {
      known->seen = now;
      return known->failures != 0;
    }
    return true;  // the answer will tell which id is the right one
  }
  const Bucket& bucket = buckets_[index(node.id)];
  if (crowded(node, bucket)) return false;
  if (bucket.live.size() < k || &bucket == &buckets_.back()) return true;
  const bool fits = conforms(node.id, node.endpoint.address);
  return std::any_of(bucket.live.begin(), bucket.live.end(), [&](const Contact& contact) {
    return contact.bad() || (fits && !contact.conforms);
  });
}

void RoutingTable::failed(const Endpoint& endpoint) {
  for (Bucket& bucket : buckets_) {
    std::erase_if(bucket.waiting, [&](const Contact& c) { return c.node.endpoint == endpoint; });
    const auto found = find_endpoint(bucket.live, endpoint);
    if (found == bucket.live.end()) continue;
    if (found->failures < 255) ++found->failures;
    // A bad node keeps its place only as long as nobody wants it: after an outage of our own line
    // the table must not be empty.
    if (!found->bad() || bucket.waiting.empty()) continue;
    bucket.live.erase(found);
    promote(bucket);
  }
}

void RoutingTable::nearest(const NodeId& target, std::size_t count,
                           std::vector<NodeInfo>& out) const {
  std::vector<const Contact*> all;
  all.reserve(buckets_.size() * k);
  for (const Bucket& bucket : buckets_)
    for (const Contact& contact : bucket.live)
      if (!contact.bad()) all.push_back(&contact);
  count = std::min(count, all.size());
  std::partial_sort(
      all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
      [&](const Contact* a, const Contact* b) { return nearer(target, a->node.id, b->node.id); });
  for (std::size_t i = 0; i < count; ++i) out.push_back(all[i]->node);
}

std::optional<NodeInfo> RoutingTable::take_questionable(TimePoint now) {
  Contact* stalest = nullptr;
  for (Bucket& bucket : buckets_)
    for (Contact& contact : bucket.live)
      if (!contact.good(now) && now - contact.pinged >= ping_again &&
          (stalest == nullptr || contact.pinged < stalest->pinged ||
           (contact.pinged == stalest->pinged && contact.seen < stalest->seen)))
        stalest = &contact;
  if (stalest == nullptr) return std::nullopt;
  stalest->pinged = now;
  return stalest->node;
}

std::optional<NodeId> RoutingTable::take_refresh(TimePoint now, Random& random) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    Bucket& bucket = buckets_[i];
    // A bucket with room is looked for again soon, but ever less often: there may be nobody.
    const Duration pause = bucket.live.size() < k && bucket.attempts < 6
                               ? std::chrono::seconds(10) * (1 << bucket.attempts)
                               : Contact::fresh_for;
    const bool full = bucket.live.size() >= k;
    if (now - (full ? std::max(bucket.refreshed, bucket.heard) : bucket.refreshed) < pause)
      continue;
    bucket.refreshed = now;
    if (bucket.attempts < 255) ++bucket.attempts;
    return random_id_sharing(own_, static_cast<unsigned>(i), random);
  }
  return std::nullopt;
}

void RoutingTable::nodes(std::vector<NodeInfo>& out) const {
  for (const Bucket& bucket : buckets_)
    for (const Contact& contact : bucket.live)
      if (!contact.bad()) out.push_back(contact.node);
}

std::size_t RoutingTable::memory_bytes() const {
  std::size_t out = buckets_.capacity() * sizeof(Bucket);
  for (const Bucket& bucket : buckets_)
    out += (bucket.live.capacity() + bucket.waiting.capacity()) * sizeof(Contact);
  return out;
}

}  // namespace barter::dht
