# The libraries of the module for Windows, built one after the other or side by side (make -j), each once:
#
#   make -f libraries.mk PREFIX=DIRECTORY [all|with-tests]
#
# A library is built again when its stamp (PREFIX/built/LIBRARY) is removed.

HERE := $(dir $(lastword $(MAKEFILE_LIST)))
STAMPS := $(PREFIX)/built
LIBRARIES := headers gmp nettle libidn2 libidn libntlm gnutls28 gsasl sqlite3

all: $(LIBRARIES:%=$(STAMPS)/%)
with-tests: all $(STAMPS)/googletest

$(STAMPS)/nettle: $(STAMPS)/gmp
$(STAMPS)/gnutls28: $(STAMPS)/nettle $(STAMPS)/libidn2
$(STAMPS)/gsasl: $(STAMPS)/libidn $(STAMPS)/libntlm

$(STAMPS)/%:
	@mkdir -p $(STAMPS)
	+@$(HERE)library.sh $* $(PREFIX)
	@touch $@

.PHONY: all with-tests
