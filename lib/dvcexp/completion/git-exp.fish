# fish completion for `git exp` and `git-exp`, read at its start: for `git` fish looks into one file only.

function __git_exp_complete
    set -l words (commandline -opc)
    set -l position (contains -i -- exp $words)
    or set position 1
    command git exp __complete -- $words[(math $position + 1)..-1] (commandline -ct) 2>/dev/null
end

complete -c git-exp -f -a '(__git_exp_complete)'
complete -c git -f -n '__fish_git_using_command exp' -a '(__git_exp_complete)'
