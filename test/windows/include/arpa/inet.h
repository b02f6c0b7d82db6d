/* For the programs of the tests that know Unix only: what Windows has of this header, where it has it. */

#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>
