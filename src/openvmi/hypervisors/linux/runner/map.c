/* SPDX-License-Identifier: MIT */
/*
 * Host mappings as the guest's TLB. A stub starts with what the boot tables map (K) or with nothing (U); what else it
 * touches is mapped on the fault, together with the neighbours in the same table that go on in memory. The list of runs
 * says what a stub has. A flush compares it with the tables and unmaps what they no longer say: a run may stay as long as
 * a processor would find the same entries, accessed and dirty bits included.
 *
 * No page is mapped writable and executable: one that is both changes sides with the kind of access.
 */
#include "internal.h"
#include "sys.h"

#define TABLE_ENTRIES 512
#define STUCK 64 /* faults in a row of the same instruction at the same page */

static uint64_t page_of(const struct run *run) { return 1ul << run->shift; }
static uint64_t end_of(const struct run *run) { return run->start + run->count * page_of(run); }

/* ---- what an entry allows ---- */

struct table {
	uint64_t *entries;
	uint64_t rights; /* of the levels above: PTE_WRITABLE, PTE_USER, PTE_NX */
};

/* Read once: the guest may change it at any time. */
static uint64_t entry_of(const struct table *table, uint64_t address, uint32_t shift)
{
	return *(volatile uint64_t *)&table->entries[address >> shift & 511];
}

/* The table that holds the entry for an address at a level; false when the walk does not come there. */
static bool find_table(uint64_t root, uint64_t address, uint32_t shift, struct table *found)
{
	uint64_t at = root & PTE_ADDRESS;

	found->rights = PTE_WRITABLE | PTE_USER;
	for (uint32_t level = 39;; level -= 9) {
		uint64_t entry;

		if (at >= handover.ram)
			return false;
		found->entries = (uint64_t *)(memory + at);
		if (level == shift)
			return true;
		entry = entry_of(found, address, level);
		if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE && level <= 30))
			return false;
		found->rights = (found->rights & entry & (PTE_WRITABLE | PTE_USER)) | ((found->rights | entry) & PTE_NX);
		at = entry & PTE_ADDRESS;
	}
}

static bool is_leaf(uint64_t entry, uint32_t shift)
{
	return entry & PTE_PRESENT && (shift == 12 || entry & PTE_LARGE);
}

static uint64_t leaf_rights(uint64_t above, uint64_t entry)
{
	return (above & entry & (PTE_WRITABLE | PTE_USER)) | ((above | entry) & PTE_NX) | (entry & PTE_DIRTY);
}

static uint64_t leaf_address(uint64_t entry, uint32_t shift)
{
	return entry & PTE_ADDRESS & ~((1ul << shift) - 1);
}

static bool in_rom_text(uint64_t physical)
{
	return physical >= rom_start() && physical < rom_start() + ROM_TEXT_SIZE;
}

static uint32_t choose(uint64_t rights, uint64_t physical, uint32_t access)
{
	if (access & ACCESS_EXECUTE)
		return PROT_READ | PROT_EXEC;
	if (access & ACCESS_WRITE || (rights & PTE_WRITABLE && rights & PTE_DIRTY && !in_rom_text(physical)))
		return PROT_READ | PROT_WRITE;
	return PROT_READ | (rights & PTE_NX ? 0 : PROT_EXEC);
}

/* Whether an entry may be mapped with these rights for the sake of a neighbour, without marking it dirty. */
static bool fits(uint64_t rights, uint64_t physical, uint32_t prot)
{
	if (prot & PROT_EXEC && rights & PTE_NX)
		return false;
	return choose(rights, physical, 0) == prot;
}

/* Whether an entry still says what a run has of it. */
static bool holds(const struct stub *stub, const struct run *run, uint64_t above, uint64_t entry, uint64_t physical)
{
	uint64_t rights = leaf_rights(above, entry);

	return is_leaf(entry, run->shift) && entry & PTE_ACCESSED && leaf_address(entry, run->shift) == physical &&
	       (!(run->prot & PROT_WRITE) || (rights & PTE_WRITABLE && rights & PTE_DIRTY)) &&
	       (!(run->prot & PROT_EXEC) || !(rights & PTE_NX)) && (!stub->index || rights & PTE_USER);
}

/* ---- the list ---- */

static void take_out(struct stub *stub, uint32_t i)
{
	stub->runs[i] = stub->runs[--stub->run_count];
}

static void add(struct stub *stub, const struct run *run)
{
	if (stub->run_count == RUNS)
		map_drop_all(stub);
	stub->runs[stub->run_count++] = *run;
}

/* Takes pages from `start` to `end` out of run `i`, which may leave a piece on either side. */
static void split(struct stub *stub, uint32_t i, uint64_t start, uint64_t end)
{
	struct run run = stub->runs[i], left = run, right = run;

	take_out(stub, i);
	if (start > run.start) {
		left.count = (uint16_t)((start - run.start) >> run.shift);
		add(stub, &left);
	}
	if (end < end_of(&run)) {
		right.count = (uint16_t)((end_of(&run) - end) >> run.shift);
		right.physical += end - run.start;
		right.start = end;
		add(stub, &right);
	}
}

/* Makes room in the list for a mapping that replaces what is there. */
static void cut(struct stub *stub, uint64_t start, uint64_t end, uint32_t shift)
{
	for (uint32_t i = 0; i < stub->run_count;) {
		struct run *run = &stub->runs[i];

		if (end <= run->start || start >= end_of(run)) {
			i++;
			continue;
		}
		if (run->shift != shift) {
			command_unmap(stub, run->start, end_of(run) - run->start);
			take_out(stub, i);
		} else {
			split(stub, i, start > run->start ? start : run->start, end < end_of(run) ? end : end_of(run));
		}
		i = 0;
	}
}

static void enter(struct stub *stub, const struct run *run)
{
	cut(stub, run->start, end_of(run), run->shift);
	command_room(stub);
	/* A run that goes on where another one ends, in the same table, is the same run. */
	for (uint32_t i = 0; i < stub->run_count; i++) {
		struct run *before = &stub->runs[i];

		if (end_of(before) == run->start && before->shift == run->shift && before->prot == run->prot &&
		    before->physical + (run->start - before->start) == run->physical &&
		    before->start >> (run->shift + 9) == run->start >> (run->shift + 9)) {
			before->count = (uint16_t)(before->count + run->count);
			goto map;
		}
	}
	add(stub, run);
map:
	command_map(stub, run->start, end_of(run) - run->start, run->physical, run->prot, run->shift == 12);
}

void map_drop_all(struct stub *stub)
{
	stub->run_count = 0;
	stub->command_count = stub->given; /* whatever they were to map goes too */
	command_unmap(stub, 0, LNX_USERS);
}

void map_validate(struct stub *stub, uint64_t root)
{
	uint64_t start = 0, end = 0;

	for (uint32_t i = 0; i < stub->run_count;) {
		struct run *run = &stub->runs[i];
		struct table table;
		bool good = find_table(root, run->start, run->shift, &table);

		for (uint32_t j = 0; good && j < run->count; j++)
			good = holds(stub, run, table.rights, entry_of(&table, run->start + j * page_of(run), run->shift),
				     run->physical + j * page_of(run));
		if (good) {
			i++;
			continue;
		}
		if (end != run->start) {
			if (end)
				command_unmap(stub, start, end - start);
			start = run->start;
		}
		end = end_of(run);
		take_out(stub, i);
	}
	if (end)
		command_unmap(stub, start, end - start);
}

void map_drop_page(struct stub *stub, uint64_t root, uint64_t address)
{
	for (uint32_t i = 0; i < stub->run_count; i++) {
		struct run *run = &stub->runs[i];
		uint64_t page = address & ~(page_of(run) - 1), size = page_of(run);
		struct table table;

		if (address < run->start || address >= end_of(run))
			continue;
		if (find_table(root, page, run->shift, &table) &&
		    holds(stub, run, table.rights, entry_of(&table, page, run->shift), run->physical + (page - run->start)))
			return;
		split(stub, i, page, page + size);
		command_unmap(stub, page, size);
		return;
	}
}

/* ---- faults ---- */

/* Grows a run from one page over its neighbours in the table, as far as nothing else is mapped there. */
static void grow(struct stub *stub, const struct table *table, struct run *run)
{
	uint64_t size = page_of(run), index = run->start >> run->shift & 511;
	uint64_t low = run->start - index * size, high = low + TABLE_ENTRIES * size, address, physical;

	for (uint32_t i = 0; i < stub->run_count; i++) {
		const struct run *other = &stub->runs[i];

		if (end_of(other) <= run->start && end_of(other) > low)
			low = end_of(other);
		if (other->start > run->start && other->start < high)
			high = other->start;
		if (other->start <= run->start && end_of(other) > run->start)
			low = run->start, high = run->start + size; /* mapped with other rights: this page alone */
	}
	high = high < LNX_USERS ? high : LNX_USERS;
	for (int up = 0; up < 2; up++) {
		for (;;) {
			uint64_t entry, rights;

			address = up ? end_of(run) : run->start - size;
			physical = up ? run->physical + run->count * size : run->physical - size;
			if (up ? address >= high : run->start <= low || !run->physical || !address)
				break;
			entry = entry_of(table, address, run->shift);
			rights = leaf_rights(table->rights, entry);
			if (!is_leaf(entry, run->shift) || leaf_address(entry, run->shift) != physical ||
			    !ram_at(physical, size) || (physical >= rom_start()) != (run->physical >= rom_start()) ||
			    !fits(rights, physical, run->prot) || (stub->index && !(rights & PTE_USER)))
				break;
			if (!(entry & PTE_ACCESSED))
				__atomic_or_fetch(&table->entries[address >> run->shift & 511], PTE_ACCESSED, __ATOMIC_RELAXED);
			if (!up) {
				run->start = address;
				run->physical = physical;
			}
			run->count++;
		}
	}
}

static uint64_t stuck_rip, stuck_page, repeats, drops;

void map_progress(void)
{
	repeats = drops = 0;
}

/* What one instruction needs may be more than there is room for: then it would come back for ever. */
bool map_drop_for_room(struct stub *stub)
{
	if (stub->run_count <= 1 || ++drops > STUCK)
		return false;
	map_drop_all(stub);
	return true;
}

/*
 * An instruction that writes to its own page, which must be changed to be executed, would fault for ever. Nothing else
 * may have happened in between: a page that comes and goes with address spaces is no case of this.
 */
static bool progresses(const struct stub *stub, uint64_t rip, uint64_t page)
{
	repeats = rip == stuck_rip && page == stuck_page ? repeats + 1 : 0;
	stuck_rip = rip;
	stuck_page = page;
	if (repeats > STUCK && !stub->index)
		crash("the kernel's instruction at %x faults again and again at %x: no page can be written and executed at once",
		      rip, page);
	return repeats <= STUCK;
}

bool map_fault(struct stub *stub, uint64_t address, uint32_t access, uint64_t rip, uint64_t *error)
{
	static const char *const what[] = { "reads", "writes", "executes" };
	const char *doing = what[access & ACCESS_WRITE ? 1 : access & ACCESS_EXECUTE ? 2 : 0];
	uint64_t root = space_root(), page = address & ~(PAGE_SIZE - 1), physical;
	uint32_t wanted = access | (stub->index ? ACCESS_USER : 0);
	struct table table;
	struct leaf leaf;
	struct run run;
	int refused;

	refused = address < LNX_USERS ? walk(root, address, wanted, &leaf) : (int)(wanted | WALK_REFUSED);
	/* Linux maps nothing in the first page. */
	if (refused || page == 0) {
		*error = (uint32_t)refused & 0x1f;
		return false;
	}
	physical = leaf.physical & ~(leaf.size - 1);
	if (!ram_at(leaf.physical & ~(PAGE_SIZE - 1), PAGE_SIZE))
		crash("the guest %s guest-physical %x, where no memory is (it has %x bytes) at %x", doing, leaf.physical,
		      handover.ram, rip);
	if (leaf.physical >= rom_start() && stub->index)
		crash("the guest's page tables give user mode a page of the ROM, at %x", address);
	if (!progresses(stub, rip, page)) {
		*error = MAP_STUCK;
		return false;
	}
	walk_mark(&leaf, access & ACCESS_WRITE);
	run.shift = (uint8_t)__builtin_ctzl(leaf.size);
	run.start = address & ~(leaf.size - 1);
	run.physical = physical;
	if (!ram_at(physical, leaf.size) || run.start + leaf.size > LNX_USERS || run.start == 0) {
		/* A large page that is not all memory, or not all in reach: one small page of it. Kept until a flush. */
		run.shift = 12;
		run.start = page;
		run.physical = leaf.physical & ~(PAGE_SIZE - 1);
	}
	run.count = 1;
	run.prot = (uint8_t)choose(leaf.rights | (access & ACCESS_WRITE ? PTE_DIRTY : 0), run.physical, access);
	if (find_table(root, run.start, run.shift, &table))
		grow(stub, &table, &run);
	count_exit("mapping");
	enter(stub, &run);
	return true;
}

/* ---- the boot tables, into K ---- */

static void map_table(const struct table *table, uint64_t base, uint32_t shift)
{
	struct run run = { .count = 0 };

	for (uint64_t i = 0; i <= TABLE_ENTRIES; i++) {
		uint64_t entry = i < TABLE_ENTRIES ? table->entries[i] : 0, physical = leaf_address(entry, shift);
		uint64_t rights = leaf_rights(table->rights, entry) | PTE_DIRTY, address = base + (i << shift);
		bool good = is_leaf(entry, shift) && ram_at(physical, 1ul << shift) && address && address < LNX_USERS;
		uint32_t prot = good ? choose(rights, physical, 0) : 0;

		if (run.count && (!good || prot != run.prot || physical != run.physical + run.count * (1ul << shift))) {
			enter(&kernel, &run);
			run.count = 0;
		}
		if (!good)
			continue;
		if (!run.count)
			run = (struct run){ address, physical, 0, (uint8_t)shift, (uint8_t)prot };
		run.count++;
		table->entries[i] |= PTE_ACCESSED | (prot & PROT_WRITE ? PTE_DIRTY : 0);
	}
}

static void map_below(const struct table *table, uint64_t base, uint32_t shift)
{
	if (shift <= 30)
		map_table(table, base, shift);
	if (shift == 12)
		return;
	for (uint64_t i = 0; i < (shift == 39 ? TABLE_ENTRIES / 2 : TABLE_ENTRIES); i++) {
		uint64_t entry = table->entries[i], at = entry & PTE_ADDRESS;
		struct table below = { (uint64_t *)(memory + at), (table->rights & entry & (PTE_WRITABLE | PTE_USER)) |
									  ((table->rights | entry) & PTE_NX) };

		if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE && shift <= 30) || at >= handover.ram)
			continue;
		table->entries[i] |= PTE_ACCESSED;
		map_below(&below, base + (i << shift), shift - 9);
	}
}

void map_boot(void)
{
	struct table root = { (uint64_t *)(memory + (space_root() & PTE_ADDRESS)), PTE_WRITABLE | PTE_USER };

	if ((space_root() & PTE_ADDRESS) < handover.ram)
		map_below(&root, 0, 39);
}
