// Runs a fuzz target without libFuzzer over the files of the given folders: each whole, then cut
// short in up to 64 places. Fails if a folder holds no input, for then nothing would be tested.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::vector<std::uint8_t>& bytes, std::size_t size) {
  // A copy of exactly this size lets AddressSanitizer see a read past the end.
  const std::vector<std::uint8_t> copy(bytes.begin(),
                                       bytes.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

void run_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(in), {}};
  run(bytes, bytes.size());
  const std::size_t step = std::max<std::size_t>(1, bytes.size() / 64);
  for (std::size_t size = 0; size < bytes.size(); size += step) run(bytes, size);
}

}  // namespace

int main(int argc, char** argv) {
  int status = argc > 1 ? 0 : 2;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> inputs;
    if (std::filesystem::is_regular_file(argv[i])) inputs.emplace_back(argv[i]);
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
        if (entry.is_regular_file()) inputs.push_back(entry.path());
      }
    }
    std::sort(inputs.begin(), inputs.end());
    for (const auto& input : inputs) run_file(input);
    std::printf("%s: %zu inputs\n", argv[i], inputs.size());
    if (inputs.empty()) status = 1;
  }
  return status;
}
