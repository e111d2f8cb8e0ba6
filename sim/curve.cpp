// Completion over time against the bound, as CSV and as a drawing.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "sim/report.hpp"

namespace barter::sim {

namespace {
using Out = std::back_insert_iterator<std::string>;
constexpr double width = 640, height = 384, left = 60, top = 44, right = 616, bottom = 314;

// The plane of the drawing: seconds to the right, the share of the peers upwards.
struct Plane {
  double end = 1;  // seconds at the right edge
  double x(double seconds) const { return left + (right - left) * seconds / end; }
  static double y(double share) { return bottom - (bottom - top) * share; }
};

// Seconds, or what is long in minutes, hours, days.
struct Unit {
  double seconds;
  const char* name;
};
Unit unit_of(double seconds) {
  if (seconds > 4 * 86400) return {86400, "d"};
  if (seconds > 4 * 3600) return {3600, "h"};
  if (seconds > 600) return {60, "min"};
  return {1, "s"};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&' || c == '<' || c == '>')
      out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;";
    else
      out += c;
  }
  return out;
}

void put_grid(Out out, const Plane& plane, const std::string& title) {
  fmt::format_to(out,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                 "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
                 "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n"
                 "<text x=\"{2}\" y=\"24\" font-size=\"13\">{3}</text>\n",
                 width, height, left, escaped(title));
  const Unit unit = unit_of(plane.end);
  const int digits = plane.end / unit.seconds < 20 ? 1 : 0;
  for (int i = 0; i <= 4; ++i) {
    const double share = i / 4.0, seconds = plane.end * share;
    fmt::format_to(out,
                   "<line x1=\"{0}\" y1=\"{1:.1f}\" x2=\"{2}\" y2=\"{1:.1f}\" stroke=\"#ddd\"/>\n"
                   "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5} %</text>\n"
                   "<text x=\"{6:.1f}\" y=\"{7}\" text-anchor=\"middle\">{8:.{9}f} {10}</text>\n",
                   left, plane.y(share), right, left - 6, plane.y(share) + 4, 25 * i,
                   plane.x(seconds), bottom + 18, seconds / unit.seconds, digits, unit.name);
  }
}

void put_bound(Out out, const Plane& plane, double bound) {
  const Unit unit = unit_of(bound);
  // The words stay within the drawing.
  const double at = plane.x(bound), words = std::clamp(at, left + 50, right - 50);
  fmt::format_to(out,
                 "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#c33\" "
                 "stroke-dasharray=\"5 4\"/>\n"
                 "<text x=\"{3:.1f}\" y=\"{4}\" text-anchor=\"middle\" fill=\"#c33\">"
                 "bound {5:.1f} {6}</text>\n",
                 at, top, bottom, words, bottom + 36, bound / unit.seconds, unit.name);
}

void put_plain(Out out, const Plane& plane, double plain) {
  const double share = std::min(1.0, plane.end / plain);
  const double seconds = std::min(plane.end, plain);
  const Unit unit = unit_of(plain);
  fmt::format_to(out,
                 "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#888\" "
                 "stroke-dasharray=\"2 3\"/>\n"
                 "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#888\">"
                 "one copy after the other: {:.1f} {}</text>\n",
                 plane.x(0), plane.y(0), plane.x(seconds), plane.y(share), right, bottom + 54,
                 plain / unit.seconds, unit.name);
}

void put_curve(Out out, const Plane& plane, const Report& report, bool thick) {
  fmt::format_to(out,
                 "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" "
                 "points=\"{:.1f},{:.1f}",
                 thick ? "#147" : "#9bd", thick ? 2 : 1, plane.x(0), plane.y(0));
  double share = 0;
  for (std::size_t i = 0; i < report.finish_times.size(); ++i) {
    const double at = plane.x(report.finish_times[i]);
    fmt::format_to(out, " {:.1f},{:.1f}", at, plane.y(share));
    share = static_cast<double>(i + 1) / std::max(1u, report.peers);
    fmt::format_to(out, " {:.1f},{:.1f}", at, plane.y(share));
  }
  fmt::format_to(out, "\"/>\n");
}
}  // namespace

std::string curve_csv(const Report& report) {
  std::string text = "seconds,finished\n0,0\n";
  for (std::size_t i = 0; i < report.finish_times.size(); ++i)
    fmt::format_to(std::back_inserter(text), "{:.4f},{}\n", report.finish_times[i], i + 1);
  return text;
}

std::string curves_svg(std::span<const Report> reports, const std::string& title, double plain) {
  Plane plane;
  double bound = 0, last = 0;
  for (const Report& report : reports) {
    last = std::max({last, report.last_seconds, report.bound.seconds()});
    if (bound == 0) bound = report.bound.seconds();
  }
  if (last > 0) plane.end = 1.05 * last;
  std::string svg;
  const Out out = std::back_inserter(svg);
  put_grid(out, plane, title);
  if (plain > 0) put_plain(out, plane, plain);
  put_bound(out, plane, bound);
  for (std::size_t i = reports.size(); i-- > 0;) put_curve(out, plane, reports[i], i == 0);
  svg += "</svg>\n";
  return svg;
}

std::string curve_svg(const Report& report, const std::string& title) {
  return curves_svg({&report, 1}, title, 0);
}

}  // namespace barter::sim
