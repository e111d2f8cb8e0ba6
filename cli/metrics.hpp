// Metrics in the text format of Prometheus, which node_exporter's
// textfile collector reads, too. A value type.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace barter::cli {

class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // `type`: "gauge" or "counter". Values of one name must be added one after the other.
  void add(std::string_view name, std::string_view type, std::string_view help,
           const Labels& labels, double value);
  const std::string& text() const { return text_; }
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  std::string text_, last_name_;
};

}  // namespace barter::cli
