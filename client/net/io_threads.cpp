#include "client/net/io_threads.hpp"

#include <pthread.h>

#include <algorithm>

namespace barter::net {

IoThreads::IoThreads(unsigned network_threads) : service_(std::make_unique<NetThread>()) {
  const auto start = [this](NetThread& thread, const char* name) {
    threads_.emplace_back([&context = thread.context] { context.run(); });
    pthread_setname_np(threads_.back().native_handle(), name);
  };
  for (unsigned i = 0; i < std::max(network_threads, 1U); ++i) {
    network_.push_back(std::make_unique<NetThread>());
    start(*network_.back(), "barter-net");
  }
  start(*service_, "barter-service");
}

IoThreads::~IoThreads() {
  stop();
}

void IoThreads::stop() {
  for (auto& thread : network_) thread->context.stop();
  service_->context.stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace barter::net
