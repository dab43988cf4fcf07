// The picture of a boot in a real browser, without a window: no text over another, all of it inside
// of the picture, legible in light and in dark.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "agent/base/process.h"
#include "agent/base/program.h"
#include "agent/timeline/svg.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/agent/timeline/records.h"

namespace haagent::sim {
namespace {

using testing::HasSubstr;

// Says what is wrong with the page, in its title.
constexpr char kLooks[] = R"(
<script>
const luminance = colour => {
  const part = colour.match(/[\d.]+/g).slice(0, 3).map(each => {
    const share = each / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
};
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const wrong = [];
const svg = document.querySelector('svg');
const whole = svg.getBoundingClientRect();
const texts = [...svg.querySelectorAll('text')].map(each => ({
  words: each.textContent, box: each.getBoundingClientRect(), kind: each.getAttribute('class'),
  colour: getComputedStyle(each).fill }));
const page = getComputedStyle(svg.querySelector('.page')).fill;
for (const [i, one] of texts.entries()) {
  if (one.box.width === 0) wrong.push(`'${one.words}' is not drawn`);
  if (one.box.left < whole.left || one.box.right > whole.right + 0.5 || one.box.bottom > whole.bottom)
    wrong.push(`'${one.words}' stands out of the picture`);
  let behind = page;
  if (one.kind === 'in') {
    const x = one.box.left + 1, y = one.box.top + one.box.height / 2;
    for (const bar of svg.querySelectorAll('rect')) {
      const box = bar.getBoundingClientRect();
      if (bar.getAttribute('class') !== 'page' && box.left <= x && box.right >= x && box.top <= y && box.bottom >= y)
        behind = getComputedStyle(bar).fill;
    }
  }
  if (contrast(one.colour, behind) < 4.5)
    wrong.push(`'${one.words}' is hard to read: ${one.colour} on ${behind}`);
  for (const other of texts.slice(i + 1))
    if (one.box.left < other.box.right - 1 && other.box.left < one.box.right - 1 &&
        one.box.top < other.box.bottom - 3 && other.box.top < one.box.bottom - 3)
      wrong.push(`'${one.words}' and '${other.words}' stand over each other`);
}
document.title = `${texts.length} texts, ${page}: ${wrong.join('; ') || 'all good'}`;
</script>
)";

class TimelineBrowser : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (!find_program("chromium", clean_environment({})))
      GTEST_SKIP() << "chromium is not installed (package chromium)";
  }
  std::string title_of(std::string const& page, bool light) {
    auto const file = directory_.path() / "page.html";
    test::write_bytes(file, page + kLooks);
    SystemProcess process;
    auto const outcome = process.run(
        {.argv = {"chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                  "--hide-scrollbars",
                  fmt::format("--blink-settings=preferredColorScheme={}", light ? 1 : 0),
                  fmt::format("--user-data-dir={}", (directory_.path() / "profile").string()),
                  fmt::format("--window-size={},900", GetParam()), "--virtual-time-budget=5000",
                  "--dump-dom", "file://" + file.string()},
         .environment = {"HOME=" + directory_.path().string()}},
        {});
    if (!outcome) return outcome.error().message.text;
    std::smatch found;
    std::regex const title("<title>([0-9]+ texts[^<]*)</title>");
    return std::regex_search(outcome->out, found, title) ? found[1].str() : outcome->said();
  }
  test::TemporaryDirectory directory_;
};

// A boot with every kind of bar, and programs that started at nearly the same time.
timeline::BootRecord crowded() {
  using namespace std::chrono_literals;
  using timeline::SpanKind;
  auto record = timeline::made_boot();
  record.moments = {{.name = "etcd-main", .at = 14s},
                    {.name = "etcd-events", .at = 14010ms},
                    {.name = "kubelet", .at = 14020ms},
                    {.name = "kube-apiserver", .at = 15900ms}};
  auto& etcd = record.rows.back();
  etcd.spans = {};
  Duration at = *etcd.began;
  for (auto kind : {SpanKind::own, SpanKind::request, SpanKind::program, SpanKind::waiting,
                    SpanKind::throttle, SpanKind::retrying}) {
    etcd.spans.push_back({.kind = kind, .begin = at, .end = at + 1500ms, .reason = "QuorumLost"});
    at += 1500ms;
  }
  *etcd.finished = at;
  record.ready = at;
  return record;
}

TEST_P(TimelineBrowser, EveryWordCanBeReadInLightAndInDark) {
  auto const before = timeline::made_boot();
  for (auto const& picture : {timeline::picture_of(crowded(), &before),
                              timeline::picture_of(timeline::made_boot(), nullptr),
                              timeline::cluster_picture({crowded(), before})})
    for (bool const light : {true, false}) {
      auto const page = timeline::html_of(picture);
      auto const title = title_of(page, light);
      EXPECT_THAT(title, HasSubstr("all good")) << (light ? "light" : "dark");
      EXPECT_THAT(title, HasSubstr(light ? "rgb(255, 255, 255)" : "rgb(13, 17, 23)"));
    }
}
TEST_P(TimelineBrowser, TheLookItselfFindsWhatIsWrong) {
  auto const title = title_of(
      R"(<!DOCTYPE html><svg width="400" height="60"><rect class="page" width="400" height="60" fill="#fff"/>
<text x="10" y="20" fill="#000">one</text><text x="12" y="21" fill="#000">two</text>
<text x="100" y="20" fill="#eee">pale</text><text x="390" y="20" fill="#000">outside</text></svg>)",
      true);
  for (auto const* wrong :
       {"stand over each other", "'pale' is hard to read", "'outside' stands out"})
    EXPECT_THAT(title, HasSubstr(wrong));
}

INSTANTIATE_TEST_SUITE_P(Wide, TimelineBrowser, testing::Values(1280, 1920));

}  // namespace
}  // namespace haagent::sim
