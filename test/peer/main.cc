// sendonce-peer: a scriptable SMTP server for sendonce's tests, its demo, and for users.
//
// See --help.  It shares no code with the client: test peers speak literal bytes.  Exit status: 0
// when asked to leave, 1 when something failed, 2 for a wrong command line or scenario.

#include <sys/signalfd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "certificate.hh"
#include "server.hh"

namespace {

using namespace peer;

// Before any thread starts, so that all inherit the mask.
Fd take_signals() {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC));
}

TlsFiles tls_files(const Options& options) {
  return {options.cert.empty() ? make_certificates(options) : options.cert, options.ocsp,
          options.client_ca, options.client_optional};
}

void run(const Options& options) {
  std::filesystem::create_directories(options.dir);
  Fd signals = take_signals();
  const TlsCredentials credentials(tls_files(options), options.tls_versions);
  const Journal journal(options.dir);
  Ledger ledger(options.dir, options.sync);
  const House house{options, credentials, ledger, journal};
  Server server(house, std::move(signals));
  std::cout << "listening on " << server.address() << std::endl;
  server.run();
  std::_Exit(0);  // connections that still run end with the process
}

int complain(const std::exception& error, int status) {
  std::cerr << "sendonce-peer: " << error.what() << "\n";
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse_options(argc, argv);
    if (!options.help) run(options);
    std::cout << usage();
    return 0;
  } catch (const std::invalid_argument& error) {
    return complain(error, 2);
  } catch (const ScenarioError& error) {
    return complain(error, 2);
  } catch (const std::exception& error) {
    return complain(error, 1);
  }
}
