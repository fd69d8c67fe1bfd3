# The active pool is the first with a member that is up and has weight; the others wait at weight 0.

check web interval=1s rise=1 fall=1
backend b1 10.0.0.1 check=web
backend b2 10.0.0.2 check=web
backend b3 10.0.0.3 check=web
frontend www 192.0.2.1 primary: b1=100 b2=0 fallback: b3=40

start
         probe b1 L4OK b2 L4OK b3 L4OK
         expect told b1 unknown -> up L4OK www 0->100
         expect told b2 unknown -> up L4OK www 0->0
         expect told b3 unknown -> up L4OK www 0->0
         expect www up pool=primary b1=100 b2=0 b3=0

# b2 is up but has weight 0: it cannot carry the frontend.
t=1s     probe b1 L4CON
         expect told b1 up -> down L4CON www 100->0 flush
         expect www up pool=fallback b1=0 b2=0 b3=40

# An operator gives b2 a weight: the primary pool takes over again.
t=2s     operator weight www primary b2 30
         expect www up pool=primary b1=0 b2=30 b3=0
         expect told nothing
         expect forgotten www/primary/b2=30

t=3s     probe b1 L4OK
         expect told b1 down -> up L4OK www 0->100
         expect www up pool=primary b1=100 b2=30 b3=0

# Nobody left: the first pool is the active one, at weight 0.
t=4s     probe b1 L4CON b2 L4CON b3 L4CON
         expect told b1 up -> down L4CON www 100->0 flush
         expect told b2 up -> down L4CON www 30->0 flush
         expect told b3 up -> down L4CON www 0->0 flush
         expect www down pool=primary b1=0 b2=0 b3=0
