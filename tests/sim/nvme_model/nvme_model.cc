// Loaded into QEMU (LD_PRELOAD): its NVMe disks say "Amazon Elastic Block Store" instead of "QEMU
// NVMe Ctrl", for which QEMU has no option. By this model EBS volumes are told from other disks.
//
// QEMU names the text in one place, by an instruction that takes its address (lea register,
// [rip + distance]). That distance is turned to a text of ours, close to the program. Whatever is
// not as expected ends QEMU with a sentence before it does anything.
#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr char kTheirs[] = "QEMU NVMe Ctrl";
constexpr char kOurs[] = "Amazon Elastic Block Store";
constexpr std::uintptr_t kPage = 4096;

struct Span {
  unsigned char* begin;
  std::size_t size;
};
struct Program {
  Span code[8];
  int codes = 0;
  Span data[8];
  int datas = 0;
  std::uintptr_t end = 0;
};

[[noreturn]] void give_up(char const* why) {
  std::fprintf(stderr, "haagent-sim: this QEMU's NVMe disks cannot be EBS volumes: %s\n", why);
  std::_Exit(1);
}

int look_at(dl_phdr_info* info, std::size_t, void* to) {
  auto& program = *static_cast<Program*>(to);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    auto const& header = info->dlpi_phdr[i];
    if (header.p_type != PT_LOAD) continue;
    auto const start = info->dlpi_addr + header.p_vaddr;
    Span const span{reinterpret_cast<unsigned char*>(start), header.p_filesz};
    if ((header.p_flags & PF_X) && program.codes < 8) program.code[program.codes++] = span;
    if (!(header.p_flags & PF_X) && program.datas < 8) program.data[program.datas++] = span;
    if (start + header.p_memsz > program.end) program.end = start + header.p_memsz;
  }
  return 1;  // the first is the program itself
}

unsigned char* find_text(Program const& program) {
  unsigned char* found = nullptr;
  for (int i = 0; i < program.datas; ++i) {
    auto const& span = program.data[i];
    auto* at =
        static_cast<unsigned char*>(::memmem(span.begin, span.size, kTheirs, sizeof kTheirs));
    if (!at) continue;
    if (found) give_up("it names its model twice");
    found = at;
  }
  if (!found) give_up("it names no model");
  return found;
}

// The 32-bit distance of the instruction that takes the text's address.
unsigned char* find_reference(Program const& program, unsigned char const* text) {
  unsigned char* found = nullptr;
  for (int i = 0; i < program.codes; ++i) {
    auto const& span = program.code[i];
    for (std::size_t at = 3; at + 4 <= span.size; ++at) {
      auto* place = span.begin + at;
      std::int32_t distance = 0;
      std::memcpy(&distance, place, sizeof distance);
      // REX.W lea: 48 or 4c, 8d, and a register with "rip".
      if (place + 4 + distance != text || place[-2] != 0x8d || (place[-3] & 0xfbu) != 0x48 ||
          (place[-1] & 0xc7u) != 0x05)
        continue;
      if (found) give_up("it uses its model in two places");
      found = place;
    }
  }
  if (!found) give_up("nothing uses its model");
  return found;
}

// A page within reach of a 32-bit distance: above the program, beyond its heap's first gigabyte.
char* page_near(std::uintptr_t end) {
  for (std::uintptr_t i = 0; i < 64; ++i) {
    auto const wanted = (end & ~(kPage - 1)) + (1u << 30u) + i * (1u << 20u);
    auto* page = ::mmap(reinterpret_cast<void*>(wanted), kPage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (page != MAP_FAILED) return static_cast<char*>(page);
  }
  give_up("there is no room for ours");
}

__attribute__((constructor)) void rename_model() {
  Program program;
  ::dl_iterate_phdr(look_at, &program);
  auto* const reference = find_reference(program, find_text(program));
  auto* const ours = page_near(program.end);
  std::memcpy(ours, kOurs, sizeof kOurs);
  auto const distance =
      static_cast<std::int32_t>(reinterpret_cast<unsigned char*>(ours) - (reference + 4));
  auto* const page =
      reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(reference) & ~(kPage - 1));
  if (::mprotect(page, 2 * kPage, PROT_READ | PROT_WRITE) != 0) give_up("its code is locked");
  std::memcpy(reference, &distance, sizeof distance);
  if (::mprotect(page, 2 * kPage, PROT_READ | PROT_EXEC) != 0) give_up("its code is locked");
}

}  // namespace
