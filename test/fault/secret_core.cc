// After the sign-in no copy of the password is left in the memory of the process that signed in.
//
//   secret-core          signs in at the peer over TLS, by each mechanism that both know, and looks
//                        through all its memory: once while the line still lives, at MAIL, once
//                        when the message is sent and the engine lives on
//
// The password (the canary) is made by a child, which tells the peer; this process has it only
// under a mask, and hands it over octet by octet.  A second child, whose memory is that of this
// process at the moment of the fork, compares octet by octet, too: so the search does not find
// itself.  It looks for the canary as it is and in base64.  Code 77: cannot run here.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "driver.hh"
#include "sasl/mechanism.hh"

namespace {

using sendonce::Secret;

constexpr int skipped = 77;

// --- the canary
// ----------------------------------------------------------------------------------

/// Text under a mask.
struct Masked {
  std::string name;
  std::vector<unsigned char> mask;
  std::vector<unsigned char> bytes;

  /// Its last octets: the first ones of what was freed are overwritten by the heap's own lists.
  static constexpr std::size_t tail = 24;

  [[nodiscard]] bool is_at(const unsigned char* at) const {
    for (std::size_t i = bytes.size() - tail; i < bytes.size(); ++i, ++at) {
      if ((*at ^ mask[i]) != bytes[i]) return false;
    }
    return true;
  }

  /// Without a copy but the one that is wiped.
  [[nodiscard]] Secret revealed() const {
    Secret secret(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i)
      secret.writable()[i] = static_cast<char>(bytes[i] ^ mask[i]);
    return secret;
  }
};

std::string base64(const std::string& text) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t bit = 0; bit + 6 <= text.size() * 8; bit += 6) {
    unsigned value = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const unsigned byte = static_cast<unsigned char>(text[i / 8]);
      value = value << 1U | (byte >> (7 - i % 8) & 1U);
    }
    out += digits[value];
  }
  return out;
}

void write_all(int file, const void* bytes, std::size_t size) {
  if (::write(file, bytes, size) != static_cast<ssize_t>(size)) fault::die("cannot write");
}

void read_all(int file, void* bytes, std::size_t size) {
  if (::read(file, bytes, size) != static_cast<ssize_t>(size)) fault::die("cannot read");
}

/// In the child: TEXT leaves it under a mask only.
void send_masked(int out, const std::string& text) {
  std::random_device random;
  const std::uint32_t size = static_cast<std::uint32_t>(text.size());
  write_all(out, &size, sizeof size);
  for (const char c : text) {
    const auto mask = static_cast<unsigned char>(random());
    const std::array<unsigned char, 2> pair = {
        mask, static_cast<unsigned char>(static_cast<unsigned char>(c) ^ mask)};
    write_all(out, pair.data(), pair.size());
  }
}

Masked receive_masked(int in, const char* name) {
  Masked masked{name, {}, {}};
  std::uint32_t size = 0;
  read_all(in, &size, sizeof size);
  for (std::uint32_t i = 0; i < size; ++i) {
    std::array<unsigned char, 2> pair{};
    read_all(in, pair.data(), pair.size());
    masked.mask.push_back(pair[0]);
    masked.bytes.push_back(pair[1]);
  }
  return masked;
}

/// In the child: makes the canary, has the peer know it, and says it masked.
[[noreturn]] void make_canary(const fault::fs::path& config, int out) {
  std::random_device random;
  std::string canary = "canary-";
  while (canary.size() < 60) canary += "0123456789abcdef"[random() % 16];
  std::ofstream(config) << "user me:" << canary << "\n";
  send_masked(out, canary);
  send_masked(out, base64(canary));
  // What all that has the canary behind one or two octets more than whole groups has in common.
  send_masked(out, base64("x" + canary).substr(2));
  send_masked(out, base64("xx" + canary).substr(3));
  std::_Exit(0);
}

std::vector<Masked> canary(const fault::fs::path& config) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fault::die("no pipe");
  const pid_t child = ::fork();
  if (child == 0) make_canary(config, ends[1]);
  std::vector<Masked> forms;
  for (const char* name : {"raw", "base64", "base64 behind one octet", "base64 behind two octets"})
    forms.push_back(receive_masked(ends[0], name));
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return forms;
}

// --- the search, in a child that has allocated nothing
// ------------------------------------------------

struct Region {
  unsigned char* begin;
  unsigned char* end;
};

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): no allocation after the fork
std::array<char, 1U << 20U> maps;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

void read_maps() {
  const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) std::_Exit(skipped);
  std::size_t size = 0;
  ssize_t count = 0;
  while (size + 1 < maps.size() &&
         (count = ::read(file, maps.data() + size, maps.size() - 1 - size)) > 0)
    size += static_cast<std::size_t>(count);
  maps.at(size) = 0;
  ::close(file);
}

/// The memory that a line of the maps tells of, if it can be read and written.
bool region_of(const char* line, Region& region) {
  char* rest = nullptr;
  const unsigned long begin = std::strtoul(line, &rest, 16);
  if (*rest != '-') return false;
  const unsigned long end = std::strtoul(rest + 1, &rest, 16);
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast,performance-no-int-to-ptr)
  region = {reinterpret_cast<unsigned char*>(begin), reinterpret_cast<unsigned char*>(end)};
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast,performance-no-int-to-ptr)
  return std::strncmp(rest, " rw", 3) == 0;
}

/// What surrounds a find, for whoever has to say whose it is.
void tell(const Masked& form, const unsigned char* at, const char* line) {
  std::array<char, 40> place{};
  (void)std::sscanf(line, "%*s %*s %*s %*s %*s%*[ ]%39[^\n]", place.data());
  std::printf("    %s in %s, after \"", form.name.c_str(),
              place[0] ? place.data() : "anonymous memory");
  for (const unsigned char* c = at - 64; c < at; ++c)
    std::printf(*c >= 32 && *c < 127 ? "%c" : "\\x%02x", *c);
  std::printf("\"\n");
}

int search(const Region& region, const std::vector<Masked>& forms, const char* line) {
  int found = 0;
  for (const unsigned char* at = region.begin + 64; at + Masked::tail <= region.end; ++at) {
    for (const Masked& form : forms) {
      if (!form.is_at(at)) continue;
      ++found;
      tell(form, at, line);
    }
  }
  return found;
}

/// PREPARE is called in the child, before it looks.
int copies(const std::vector<Masked>& forms, void (*prepare)(const Masked&) = nullptr) {
  (void)std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    if (prepare) prepare(forms.front());
    read_maps();
    int found = 0;
    for (const char* line = maps.data(); *line; line += std::strcspn(line, "\n") + 1) {
      Region region{};
      if (region_of(line, region)) found += search(region, forms, line);
    }
    (void)std::fflush(stdout);
    std::_Exit(std::min(found, skipped - 1));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) fault::die("the search did not end well");
  return WEXITSTATUS(status);
}

/// A copy such as the search must find, freed and not wiped; the compiler has to believe that
/// somebody reads it.
void leave_a_copy(const Masked& masked) {
  static char* volatile kept;
  kept = static_cast<char*>(std::malloc(masked.bytes.size()));
  const Secret secret = masked.revealed();
  std::memcpy(kept, secret.reveal().data(), secret.size());
  std::free(kept);
}

// --- sending
// ---------------------------------------------------------------------------------------

struct Stage {
  fault::Scratch scratch;
  std::vector<Masked> forms = canary(scratch.path() / "config");
};

int look(const char* when, const std::string& mechanism, const std::vector<Masked>& forms) {
  const int found = copies(forms);
  std::printf("%s, %s: %d copies\n", mechanism.c_str(), when, found);
  return found;
}

void answer_by(fault::Client& client, const std::vector<Masked>& forms) {
  const Masked& raw = forms.front();
  client.sink().answer_with([&raw] { return raw.revealed(); });
}

std::string settings(const fault::Peer& peer, const std::string& mechanism) {
  return fault::settings_for(peer, "implicit") + "user=me\nauth=" + mechanism + "\n";
}

/// Signed in, and the line lives.
int while_the_line_lives(Stage& stage, fault::Peer& peer, const std::string& mechanism) {
  peer.follow("at MAIL: stall");
  fault::Client client(stage.scratch.path() / ("outbox-1-" + mechanism));
  answer_by(client, stage.forms);
  (void)client.send(settings(peer, mechanism), {"r@s.example"});
  client.sink().wait_for_phase(sendonce::Phase::mail);
  const int found = look("while the line lives", mechanism, stage.forms);
  client.stop();
  return found;
}

/// Sent, and the engine lives.
int after_the_send(Stage& stage, fault::Peer& peer, const std::string& mechanism) {
  peer.follow("");
  fault::Client client(stage.scratch.path() / ("outbox-2-" + mechanism));
  answer_by(client, stage.forms);
  const auto id = client.send(settings(peer, mechanism), {"r@s.example"});
  client.wait(id);
  if (client.state(id) != sendonce::outbox::State::sent) fault::die(mechanism + " does not send");
  const int found = look("after the send", mechanism, stage.forms);
  client.stop();
  return found;
}

/// Not signed in, because the server does by SCENARIO otherwise than it should.
int after_a_failure(Stage& stage, fault::Peer& peer, const std::string& mechanism,
                    const std::string& scenario) {
  static int number = 0;
  peer.follow("at AUTH: " + scenario);
  fault::Client client(stage.scratch.path() / ("outbox-3-" + std::to_string(++number)));
  answer_by(client, stage.forms);
  const auto id = client.send(settings(peer, mechanism), {"r@s.example"});
  client.wait(id);
  const int found = look(scenario.c_str(), mechanism, stage.forms);
  client.stop();
  return found;
}

/// A refusal, a line that drops, and challenges that no mechanism can answer.
constexpr std::array failures = {
    R"(say "535 5.7.8 no\r\n")",
    "drop",
    R"(say "334 !!!!\r\n"; read; say "501 5.5.2 no\r\n")",
    R"(say "334 QUJD\r\n"; read; say "334 QUJD\r\n"; read; say "535 5.7.8 no\r\n")",
};

/// Those that take a password, and that the peer can carry out without a channel binding.
std::vector<std::string> mechanisms() {
  std::vector<std::string> names;
  for (const std::string& name : sendonce::sasl::known_mechanisms()) {
    const bool plus = name.size() > 5 && name.substr(name.size() - 5) == "-PLUS";
    const bool password = sendonce::sasl::needs(name) == sendonce::sasl::Needs::password;
    if (password && !plus && name != "NTLM") names.push_back(name);  // libgsasl serves no NTLM
  }
  return names;
}

bool can_run() {
  const char* sanitizer = std::getenv("SENDONCE_SANITIZE");  // NOLINT(concurrency-mt-unsafe)
  return ::access("/proc/self/maps", R_OK) == 0 && (!sanitizer || !*sanitizer);
}

}  // namespace

int main() {
  if (!can_run()) {
    std::printf("skipped: needs /proc, and memory without a sanitizer's shadow\n");
    return skipped;
  }
  Stage stage;
  std::printf("a copy left on purpose:\n");
  if (copies(stage.forms, leave_a_copy) < 1) fault::die("the search does not find a copy");
  if (copies(stage.forms) != 0) fault::die("the search finds itself");
  int found = 0;
  for (const std::string& mechanism : mechanisms()) {
    fault::Peer peer(stage.scratch.path() / ("peer-" + mechanism),
                     {"--config", (stage.scratch.path() / "config").string(), "--auth", mechanism,
                      "--require-auth"});
    found += while_the_line_lives(stage, peer, mechanism);
    found += after_the_send(stage, peer, mechanism);
    for (const char* scenario : failures)
      found += after_a_failure(stage, peer, mechanism, scenario);
  }
  std::printf("%d copies\n", found);
  return found == 0 ? 0 : 1;
}
