// See outbox_child.hh.  The child is this program again, told by its environment to run one test
// only, which is none: it does the work, sets an event, and sleeps.

#include "outbox_child.hh"

#include <gtest/gtest.h>
#include <windows.h>

#include <array>
#include <cstdlib>

#include "base/windows.hh"

namespace sendonce::outbox {

namespace {

constexpr const wchar_t* event_name = L"SENDONCE_CHILD_EVENT";
constexpr const wchar_t* directory_name = L"SENDONCE_CHILD_DIRECTORY";
constexpr const wchar_t* stage_name = L"SENDONCE_CHILD_STAGE";
constexpr DWORD patience = 30'000;

std::string given(const wchar_t* name) {
  std::array<wchar_t, 1024> value{};
  const DWORD length =
      ::GetEnvironmentVariableW(name, value.data(), static_cast<DWORD>(value.size()));
  return from_wide({value.data(), length});
}

TEST(ChildOfATest, DISABLED_Sleeps) {
  const HANDLE ready = ::OpenEventW(EVENT_MODIFY_STATE, FALSE, to_wide(given(event_name)).c_str());
  go(given(directory_name), std::stoi(given(stage_name)));
  ::SetEvent(ready);
  ::Sleep(INFINITE);
}

std::wstring command() {
  std::array<wchar_t, 1024> self{};
  ::GetModuleFileNameW(nullptr, self.data(), static_cast<DWORD>(self.size()));
  return L'"' + std::wstring(self.data()) +
         L"\" --gtest_also_run_disabled_tests --gtest_filter=ChildOfATest.* --gtest_brief=1";
}

}  // namespace

struct Child::State {
  HANDLE ready = nullptr;
  PROCESS_INFORMATION process{};
};

Child::Child(const std::string& directory, int stage) : state_(new State) {
  static int number = 0;
  const std::string event =
      "sendonce-" + std::to_string(::GetCurrentProcessId()) + "-" + std::to_string(++number);
  state_->ready = ::CreateEventW(nullptr, TRUE, FALSE, to_wide(event).c_str());
  ::SetEnvironmentVariableW(event_name, to_wide(event).c_str());
  ::SetEnvironmentVariableW(directory_name, to_wide(directory).c_str());
  ::SetEnvironmentVariableW(stage_name, std::to_wstring(stage).c_str());
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  std::wstring line = command();
  EXPECT_NE(::CreateProcessW(nullptr, line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr,
                             &startup, &state_->process),
            0);
}

Child::~Child() {
  kill();
  ::CloseHandle(state_->ready);
}

void Child::wait_ready() {
  EXPECT_EQ(::WaitForSingleObject(state_->ready, patience), WAIT_OBJECT_0);
}

void Child::kill() {
  if (state_->process.hProcess == nullptr) return;
  ::TerminateProcess(state_->process.hProcess, 1);
  ::WaitForSingleObject(state_->process.hProcess, patience);
  ::CloseHandle(state_->process.hThread);
  ::CloseHandle(state_->process.hProcess);
  state_->process = {};
}

}  // namespace sendonce::outbox
