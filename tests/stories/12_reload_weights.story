# Run-time weights outlive a reload; pools may be rearranged without touching a state.

check web interval=2s rise=2 fall=3
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
frontend www 192.0.2.1 primary: b1=100 b2=50

start
         probe b1 L4OK b2 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect told b2 unknown -> up L4OK www 0->50
t=1s     operator weight www primary b1 5
         operator weight www primary b9 5 -> refused
         operator weight www primary b1 101 -> refused
         expect www up b1=5 b2=50
         expect forgotten www/primary/b1=5
t=2s     reload
         expect forgotten www/primary/b1=5
         expect www up b1=5 b2=50

# b1 moves to a pool of its own, behind b2: another member, with the file's weight.
frontend www 192.0.2.1 primary: b2=50 fallback: b1=100
t=3s     reload
         expect told nothing
         expect forgotten nothing
         expect www up pool=primary b1=0 b2=50
t=4s     probe b2 L4CON
         probe b2 L4CON
         probe b2 L4CON
         expect told b2 up -> down L4CON www 50->0 flush
         expect www up pool=fallback b1=100 b2=0
