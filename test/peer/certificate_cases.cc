#include "certificate_cases.hh"

#include <utility>

namespace peer {
namespace {

constexpr const char* mail = "mail.example.org";

Wish server(std::vector<std::string> names = {mail}) {
  Wish wish;
  wish.names = std::move(names);
  return wish;
}

Wish at_address(const std::string& address) {
  Wish wish;
  wish.addresses = {address};
  return wish;
}

template <typename Change>
Wish with(Wish wish, Change change) {
  change(wish);
  return wish;
}

Served serve(const Issued& leaf, const std::string& above = {}) {
  return {leaf.certificate_pem() + above, leaf.key_pem(), {}};
}

using Make = std::function<Served(const Authorities&)>;

Make by_root(const Wish& wish) {
  return [wish](const Authorities& a) { return serve(issue(wish, &a.root)); };
}

Make by_itself(const Wish& wish) {
  return [wish](const Authorities&) { return serve(issue(wish, nullptr)); };
}

Make by(Issued Authorities::*issuer) {
  return [issuer](const Authorities& a) { return serve(issue(server(), &(a.*issuer))); };
}

// Root, an intermediate as wished, a server.
Make through(const Wish& wish, const Wish& leaf = server()) {
  return [wish, leaf](const Authorities& a) {
    const Issued between = issue(wish, &a.root);
    return serve(issue(leaf, &between), between.certificate_pem());
  };
}

Make stapled(const OcspWish& ocsp, const Wish& wish = server()) {
  return [ocsp, wish](const Authorities& a) {
    const Issued leaf = issue(wish, &a.root);
    Served served = serve(leaf);
    served.ocsp = ocsp_response(ocsp, leaf, a.root, a.root);
    return served;
  };
}

Served staple_of_another(const Authorities& a) {
  const Issued leaf = issue(server(), &a.root);
  const Issued other = issue(server(), &a.root);
  Served served = serve(leaf);
  served.ocsp = ocsp_response({}, other, a.root, a.root);
  return served;
}

Served staple_by_a_stranger(const Authorities& a) {
  const Issued leaf = issue(server(), &a.root);
  Served served = serve(leaf);
  served.ocsp = ocsp_response({}, leaf, a.root, a.stranger);
  return served;
}

Served over_two(const Authorities& a, int path_length) {
  const Issued upper = issue(authority_wish("upper", path_length), &a.root);
  const Issued lower = issue(authority_wish("lower"), &upper);
  return serve(issue(server(), &lower), lower.certificate_pem() + upper.certificate_pem());
}

Served in_wrong_order(const Authorities& a) {
  const Issued upper = issue(authority_wish("upper"), &a.root);
  const Issued lower = issue(authority_wish("lower"), &upper);
  return serve(issue(server(), &lower), upper.certificate_pem() + lower.certificate_pem());
}

Served with_strangers(const Authorities& a) {
  const Issued old = issue(with(authority_wish("old"),
                                [](Wish& w) {
                                  w.from_days = -9;
                                  w.until_days = -2;
                                }),
                           nullptr);
  return serve(issue(server(), &a.root), a.stranger.certificate_pem() + old.certificate_pem());
}

Served twice(const Authorities& a) {
  const Issued leaf = issue(server(), &a.intermediate);
  return serve(leaf, leaf.certificate_pem() + a.intermediate.certificate_pem());
}

// Says to be the root's, but another key of the same name signed it.
Served forged(const Authorities&) {
  const Issued impostor = issue(authority_wish("sendonce test root"), nullptr);
  return serve(issue(server(), &impostor));
}

std::vector<std::string> many_names() {
  std::vector<std::string> names;
  names.reserve(301);
  for (int i = 0; i < 300; ++i) names.push_back("host-" + std::to_string(i) + ".example.org");
  names.push_back(mail);
  return names;
}

const auto days = [](long from, long until) {
  return [from, until](Wish& wish) {
    wish.from_days = from;
    wish.until_days = until;
  };
};
const auto key = [](KeyKind kind) { return [kind](Wish& wish) { wish.key = kind; }; };
const auto usage = [](unsigned bits) { return [bits](Wish& wish) { wish.usage = bits; }; };
const auto purposes = [](const std::vector<std::string>& oids) {
  return [oids](Wish& wish) { wish.purposes = oids; };
};
const auto digest = [](gnutls_digest_algorithm_t algorithm) {
  return [algorithm](Wish& wish) { wish.digest = algorithm; };
};
const auto must_staple = [](Wish& wish) { wish.must_staple = true; };
const auto subject_only = [](Wish& wish) { wish.subject = mail; };

// clang-format off
std::vector<Case> make_cases() {
  return {
      // good
      {"exact", true, mail, "-", by_root(server())},
      {"upper-case", true, mail, "-", by_root(server({"MAIL.Example.ORG"}))},
      {"root-dot", true, "mail.example.org.", "-", by_root(server())},
      {"wildcard", true, mail, "-", by_root(server({"*.example.org"}))},
      {"wildcard-idn", true, "bücher.example.org", "-", by_root(server({"*.example.org"}))},
      {"idn", true, "bücher.example", "-", by_root(server({"xn--bcher-kva.example"}))},
      {"address-4", true, "192.0.2.1", "-", by_root(at_address("192.0.2.1"))},
      {"address-6", true, "2001:db8::1", "-", by_root(at_address("2001:db8::1"))},
      {"many-names", true, mail, "-", by_root(server(many_names()))},
      {"no-purpose", true, mail, "-", by_root(with(server(), purposes({})))},
      {"intermediate", true, mail, "-", through(authority_wish("between"))},
      {"two-intermediates", true, mail, "-",
       [](const Authorities& a) { return over_two(a, 1); }},
      {"wrong-order", true, mail, "-", in_wrong_order},
      {"root-included", true, mail, "-",
       [](const Authorities& a) {
         return serve(issue(server(), &a.root), a.root.certificate_pem());
       }},
      {"unneeded-extras", true, mail, "-", with_strangers},
      {"leaf-twice", true, mail, "-", twice},
      {"names-permitted", true, mail, "-",
       through(with(authority_wish("between"), [](Wish& w) { w.permitted = {"example.org"}; }))},
      {"ecdsa-384", true, mail, "-", by_root(with(server(), key(KeyKind::ecdsa_384)))},
      {"ed25519", true, mail, "-", by_root(with(server(), key(KeyKind::ed25519)))},
      {"rsa-2048", true, mail, "-", by_root(with(server(), key(KeyKind::rsa_2048)))},
      {"ocsp-good", true, mail, "-", stapled({})},
      {"must-staple-kept", true, mail, "-", stapled({}, with(server(), must_staple))},
      // dates
      {"expired", false, mail, "expired", by_root(with(server(), days(-30, -1)))},
      {"not-yet", false, mail, "valid", by_root(with(server(), days(2, 30)))},
      {"intermediate-expired", false, mail, "expired",
       through(with(authority_wish("between"), days(-30, -1)))},
      {"intermediate-not-yet", false, mail, "valid",
       through(with(authority_wish("between"), days(2, 30)))},
      {"root-expired", false, mail, "expired", by(&Authorities::expired_root)},
      // names
      {"wrong-host", false, mail, "other", by_root(server({"other.example.org"}))},
      {"subdomain", false, "a.mail.example.org", "not", by_root(server())},
      {"parent-domain", false, "example.org", "not", by_root(server())},
      {"common-name-only", false, mail, "names", by_root(with(server({}), subject_only))},
      {"common-name-beside-address", false, mail, "not",
       by_root(with(at_address("192.0.2.1"), subject_only))},
      {"wildcard-too-deep", false, "a.b.example.org", "not", by_root(server({"*.example.org"}))},
      {"wildcard-parent", false, "example.org", "not", by_root(server({"*.example.org"}))},
      {"wildcard-partial", false, mail, "not", by_root(server({"ma*.example.org"}))},
      {"wildcard-inside", false, "a.mail.example.org", "not", by_root(server({"a.*.example.org"}))},
      {"wildcard-alone", false, mail, "not", by_root(server({"*"}))},
      {"wildcard-top", false, "example.org", "not", by_root(server({"*.org"}))},
      {"wildcard-twice", false, "a.b.example.org", "not", by_root(server({"*.*.example.org"}))},
      {"nul-in-name", false, mail, "not",
       by_root(server({mail + std::string("\0.evil.example", 14)}))},
      {"leading-dot", false, mail, "not", by_root(server({".example.org"}))},
      {"idn-mismatch", false, "bücher.example", "not", by_root(server({"bucher.example"}))},
      {"idn-raw", false, "bücher.example", "not", by_root(server({"b\xfc" "cher.example"}))},
      {"address-as-name", false, "192.0.2.1", "not", by_root(server({"192.0.2.1"}))},
      {"address-other", false, "192.0.2.1", "192", by_root(at_address("192.0.2.2"))},
      {"address-6-other", false, "2001:db8::1", "2001", by_root(at_address("2001:db8::2"))},
      {"address-wildcard", false, "192.0.2.1", "not", by_root(server({"*.0.2.1"}))},
      {"name-for-address", false, "192.0.2.1", "not", by_root(server())},
      // who signed
      {"self-signed", false, mail, "self-signed", by_itself(server())},
      {"untrusted-root", false, mail, "trusted", by(&Authorities::stranger)},
      {"untrusted-root-included", false, mail, "trusted",
       [](const Authorities& a) {
         return serve(issue(server(), &a.stranger), a.stranger.certificate_pem());
       }},
      {"intermediate-missing", false, mail, "trusted", by(&Authorities::intermediate)},
      {"unrelated-chain", false, mail, "trusted",
       [](const Authorities& a) {
         const Issued other = issue(authority_wish("unrelated"), &a.root);
         return serve(issue(server(), &a.intermediate), other.certificate_pem());
       }},
      {"forged", false, mail, "it", forged},
      {"root-not-a-ca", false, mail, "sign", by(&Authorities::not_a_ca)},
      {"signed-by-a-server", false, mail, "sign", through(server({"shop.example.org"}))},
      {"intermediate-unsaid", false, mail, "sign",
       through(with(authority_wish("between"),
                    [](Wish& w) { w.authority = Authority::unsaid; w.usage = 0; }))},
      {"intermediate-usage", false, mail, "sign",
       through(with(authority_wish("between"), usage(GNUTLS_KEY_DIGITAL_SIGNATURE)))},
      {"path-too-long", false, mail, "chain",
       [](const Authorities& a) { return over_two(a, 0); }},
      {"names-not-permitted", false, mail, "names",
       through(with(authority_wish("between"), [](Wish& w) { w.permitted = {"example.net"}; }))},
      {"intermediate-purpose", false, mail, "servers",
       through(with(authority_wish("between"), purposes({GNUTLS_KP_EMAIL_PROTECTION})))},
      // what for
      {"purpose-client", false, mail, "servers",
       by_root(with(server(), purposes({GNUTLS_KP_TLS_WWW_CLIENT})))},
      {"purpose-email", false, mail, "servers",
       by_root(with(server(), purposes({GNUTLS_KP_EMAIL_PROTECTION})))},
      {"usage-no-signing", false, mail, "TLS",
       by_root(with(server(), usage(GNUTLS_KEY_KEY_AGREEMENT)))},
      {"unknown-critical", false, mail, "critical",
       by_root(with(server(), [](Wish& w) { w.critical_oid = "1.3.6.1.4.1.99999.1"; }))},
      // strength
      {"sha1", false, mail, "secure", by_root(with(server(), digest(GNUTLS_DIG_SHA1)))},
      {"md5", false, mail, "secure",
       [](const Authorities& a) {
         const Wish wish = with(authority_wish("between"), key(KeyKind::rsa_2048));
         const Issued between = issue(wish, &a.root);
         return serve(issue(with(server(), digest(GNUTLS_DIG_MD5)), &between),
                      between.certificate_pem());
       }},
      {"intermediate-sha1", false, mail, "secure",
       through(with(authority_wish("between"), digest(GNUTLS_DIG_SHA1)))},
      {"rsa-1024", false, mail, "weak", by_root(with(server(), key(KeyKind::rsa_1024)))},
      {"intermediate-rsa-1024", false, mail, "weak",
       through(with(authority_wish("between"), key(KeyKind::rsa_1024)))},
      // revocation
      {"ocsp-revoked", false, mail, "revoked", stapled({OcspStatus::revoked})},
      {"ocsp-unknown", false, mail, "revoked", stapled({OcspStatus::unknown})},
      {"ocsp-stale", false, mail, "old", stapled({OcspStatus::good, -96, -48})},
      {"ocsp-future", false, mail, "future", stapled({OcspStatus::good, 48, 96})},
      {"ocsp-of-another", false, mail, "proof", staple_of_another},
      {"ocsp-by-a-stranger", false, mail, "proof", staple_by_a_stranger},
      {"must-staple-missing", false, mail, "gave", by_root(with(server(), must_staple))},
      {"must-staple-stale", false, mail, "old",
       stapled({OcspStatus::good, -96, -48}, with(server(), must_staple))},
  };
}
// clang-format on

Wish not_an_authority() {
  Wish wish = authority_wish("sendonce test of a root that is none");
  wish.authority = Authority::no;
  return wish;
}

Wish expired_authority() {
  Wish wish = authority_wish("sendonce test of an expired root");
  wish.from_days = -30;
  wish.until_days = -1;
  return wish;
}

}  // namespace

Authorities::Authorities()
    : root(issue(authority_wish("sendonce test root"), nullptr)),
      not_a_ca(issue(not_an_authority(), nullptr)),
      expired_root(issue(expired_authority(), nullptr)),
      stranger(issue(authority_wish("an authority nobody trusts"), nullptr)),
      intermediate(issue(authority_wish("sendonce test intermediate"), &root)) {}

std::string Authorities::trusted_pem() const {
  return root.certificate_pem() + not_a_ca.certificate_pem() + expired_root.certificate_pem();
}

const std::vector<Case>& certificate_cases() {
  static const std::vector<Case> cases = make_cases();
  return cases;
}

}  // namespace peer
