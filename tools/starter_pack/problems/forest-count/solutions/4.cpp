// Runs of forest, row by row; runs above each other are tied by renaming one of the two names.
#include <iostream>
#include <set>
#include <string>
#include <vector>

struct Run {
    int row, first, last, name;
};

int main() {
    int n, m;
    std::cin >> n >> m;
    std::vector<Run> runs;
    for (int row = 0; row < n; row++) {
        std::string marks;
        std::cin >> marks;
        for (int column = 0; column < m; column++) {
            if (marks[column] != 'f') continue;
            int first = column;
            while (column + 1 < m && marks[column + 1] == 'f') column++;
            runs.push_back({row, first, column, static_cast<int>(runs.size())});
        }
    }
    for (size_t i = 0; i < runs.size(); i++) {
        for (size_t j = 0; j < i; j++) {
            bool touch = runs[j].row + 1 == runs[i].row && runs[j].first <= runs[i].last &&
                         runs[i].first <= runs[j].last;
            if (!touch || runs[i].name == runs[j].name) continue;
            int dropped = runs[i].name;
            for (Run& run : runs) {
                if (run.name == dropped) run.name = runs[j].name;
            }
        }
    }
    std::set<int> names;
    for (const Run& run : runs) names.insert(run.name);
    std::cout << names.size() << "\n";
}
